#include <utility> // Boost 1.74's Asio needs it in C++20

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/program_options.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>

/// The least that a Boost.Beast server can do: one I/O thread, keep-alive, every request is
/// answered with the same 200. What telemetryd's REST side costs above this is its own work.
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using answer = http::response<http::string_body>;

answer make_answer(std::string body) {
  answer out(http::status::ok, 11);
  out.set(http::field::server, "bare_http");
  out.set(http::field::date, "Tue, 01 Sep 2020 00:00:00 GMT"); // as long as the true one
  out.set(http::field::cache_control, "no-store");
  out.set(http::field::content_type, "application/json");
  out.body() = std::move(body);
  out.prepare_payload();
  return out;
}

/// Lives as long as its connection.
class session : public std::enable_shared_from_this<session> {
public:
  session(tcp::socket socket, const answer& constant)
      : socket_(std::move(socket)), answer_(constant) {
    socket_.set_option(tcp::no_delay(true));
  }

  void read() {
    request_ = {};
    http::async_read(socket_, buffer_, request_,
                     [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                       if (!ec)
                         self->write();
                     });
  }

private:
  void write() {
    http::async_write(socket_, answer_,
                      [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                        if (!ec)
                          self->read();
                      });
  }

  tcp::socket socket_;
  const answer& answer_;
  boost::beast::flat_buffer buffer_;
  http::request<http::empty_body> request_;
};

void accept(tcp::acceptor& acceptor, const answer& constant) {
  acceptor.async_accept([&](boost::system::error_code ec, tcp::socket socket) {
    if (!ec)
      std::make_shared<session>(std::move(socket), constant)->read();
    accept(acceptor, constant);
  });
}

void serve(std::uint16_t port, std::string body) {
  asio::io_context context(1);
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
  const auto constant = make_answer(std::move(body));
  accept(acceptor, constant);
  std::fprintf(stderr, "msg=\"bare_http is serving\" address=127.0.0.1:%d\n",
               acceptor.local_endpoint().port());
  context.run();
}

} // namespace

int main(int argc, char** argv) {
  namespace po = boost::program_options;
  std::uint16_t port = 0;
  std::string body;
  po::options_description options("bare_http: answers the same to every request");
  options.add_options()("help", "this text");
  options.add_options()("port", po::value(&port)->default_value(0), "on 127.0.0.1; 0: a free one");
  options.add_options()("body", po::value(&body)->default_value("{}\n"), "of every answer");
  try {
    po::variables_map given;
    po::store(po::parse_command_line(argc, argv, options), given);
    po::notify(given);
    if (given.count("help") > 0) {
      std::cout << options;
      return 0;
    }
    serve(port, body);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bare_http: %s\n", error.what());
    return 2;
  }
}
