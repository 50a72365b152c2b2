// Sends the lines of stdin (x,y,timestamp,robot_name) to telemetryd; prints each with its answer.
// g++ -std=c++20 -O1 producer.cpp -o producer -pthread -lssl -lcrypto
// ./producer wss://HOST:PORT/upstream [--key-file FILE] [--ca FILE] < events.csv
// The key may also be in TELEMETRY_KEY. Exit code 2: usage, or the server refuses the key.
#include <utility>

#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include <chrono>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iostream>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ssl = asio::ssl;
using plain_stream = asio::ip::tcp::socket;
using tls_stream = ssl::stream<plain_stream>;
using line_queue = std::deque<std::string>;

struct settings {
  bool has_tls;
  std::string host, port, path;
  std::string key; // empty: none
  std::string ca;  // empty: the authorities of the system
};

/// "::1" of "[::1]".
std::string without_brackets(const std::string& host) {
  return host.front() == '[' ? host.substr(1, host.size() - 2) : host;
}

void open_connection(plain_stream& connection, asio::io_context& io, const settings& to) {
  const auto host = without_brackets(to.host);
  asio::connect(connection, asio::ip::tcp::resolver(io).resolve(host, to.port));
}

void open_connection(tls_stream& connection, asio::io_context& io, const settings& to) {
  open_connection(connection.next_layer(), io, to);
  const auto host = without_brackets(to.host);
  connection.set_verify_mode(ssl::verify_peer);
  connection.set_verify_callback(ssl::host_name_verification(host));
  beast::error_code is_name; // because TLS asks for names only, not for addresses
  asio::ip::make_address(host, is_name);
  if (is_name)
    SSL_set_tlsext_host_name(connection.native_handle(), host.c_str());
  connection.handshake(ssl::stream_base::client);
}

template <class Stream>
void greet(beast::websocket::stream<Stream>& connection, asio::io_context& io, const settings& to) {
  connection.set_option(
      beast::websocket::stream_base::decorator([&](beast::websocket::request_type& request) {
        if (!to.key.empty())
          request.set(beast::http::field::authorization, "Bearer " + to.key);
      }));
  beast::websocket::response_type answer;
  beast::error_code failed;
  // Asynchronous, because handshake() of Boost 1.74 forgets the answer of a server that declines.
  connection.async_handshake(answer, to.host + ':' + to.port, to.path,
                             [&](beast::error_code ec) { failed = ec; });
  io.run();
  if (failed == beast::websocket::error::upgrade_declined)
    std::cerr << "the server answers " << answer.result_int() << ' ' << answer.reason() << '\n';
  if (failed && (answer.result_int() == 401 || answer.result_int() == 403))
    std::exit(2); // because trying again would change nothing
  if (failed)
    throw beast::system_error(failed);
}

/// Sends until all lines are answered. Throws if the connection breaks.
template <class Stream>
void produce(beast::websocket::stream<Stream> connection, asio::io_context& io, const settings& to,
             std::istream& lines, line_queue& unanswered, std::size_t window = 100) {
  open_connection(connection.next_layer(), io, to);
  greet(connection, io, to);
  for (const std::string& line : unanswered) // again, before anything new
    connection.write(asio::buffer(line));
  for (beast::flat_buffer answer;; answer.clear()) {
    for (std::string line; unanswered.size() < window && std::getline(lines, line);)
      connection.write(asio::buffer(unanswered.emplace_back(line)));
    if (unanswered.empty()) {
      beast::error_code ignored; // because nothing is left to send again
      connection.close(beast::websocket::close_code::normal, ignored);
      return;
    }
    connection.read(answer); // only an answer takes a line off the list
    std::cout << unanswered.front() << ' ' << beast::make_printable(answer.data()) << '\n';
    unanswered.pop_front();
  }
}

void produce(const settings& to, std::istream& lines) {
  ssl::context tls(ssl::context::tls_client);
  if (to.ca.empty())
    tls.set_default_verify_paths();
  else
    tls.load_verify_file(to.ca);
  for (line_queue unanswered;;) // oldest first; survives the connection
    try {
      asio::io_context io;
      if (to.has_tls)
        return produce(beast::websocket::stream<tls_stream>(io, tls), io, to, lines, unanswered);
      return produce(beast::websocket::stream<plain_stream>(io), io, to, lines, unanswered);
    } catch (const boost::system::system_error& broken) {
      std::cerr << broken.what() << ", connecting again\n";
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
    }
}

settings read_url(const std::string& text) {
  static const std::regex form(R"((wss?)://(\[[0-9a-fA-F:]+\]|[^:/\[]+)(?::(\d+))?(/.*)?)");
  std::smatch url;
  if (!std::regex_match(text, url, form))
    throw std::invalid_argument("usage: producer URL [--key-file FILE] [--ca FILE]");
  const bool has_tls = url[1] == "wss";
  const std::string port = url[3].matched ? url[3].str() : has_tls ? "443" : "80";
  return {has_tls, url[2], port, url[4].matched ? url[4].str() : "/", "", ""};
}

settings read_settings(const std::vector<std::string>& arguments) {
  settings to = read_url(arguments.size() % 2 == 1 ? arguments[0] : "");
  if (const char* const key = std::getenv("TELEMETRY_KEY"))
    to.key = key;
  for (std::size_t i = 1; i < arguments.size(); i += 2)
    if (arguments[i] == "--ca")
      to.ca = arguments[i + 1];
    else if (arguments[i] != "--key-file")
      throw std::invalid_argument(arguments[i] + ": there is no such option");
    else if (!(std::ifstream(arguments[i + 1]) >> to.key))
      throw std::invalid_argument(arguments[i + 1] + " has no key");
  return to;
}

int main(int count, char** arguments) {
  try {
    produce(read_settings({arguments + 1, arguments + count}), std::cin);
  } catch (const std::exception& wrong) {
    std::cerr << wrong.what() << '\n';
    return 2;
  }
}
