#include "net/listener.hpp"

namespace telemetry::net {

namespace {

using boost::asio::ip::tcp;

/// Pause after a failed accept, for example if no descriptors are left, because trying again at
/// once would spin.
constexpr std::chrono::milliseconds retry_interval{100};
constexpr std::chrono::seconds report_interval{1};

boost::system::error_code listen_on(tcp::acceptor& acceptor, const tcp::endpoint& address) {
  boost::system::error_code ec;
  acceptor.open(address.protocol(), ec);
  if (!ec)
    acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec)
    acceptor.bind(address, ec);
  if (!ec)
    acceptor.listen(tcp::acceptor::max_listen_connections, ec);
  boost::system::error_code ignored; // because the first error is the one to return
  if (ec)
    acceptor.close(ignored);
  return ec;
}

} // namespace

result<void> listener::open(const std::string& host, std::uint16_t port) {
  boost::system::error_code ec;
  tcp::resolver resolver(acceptor_.get_executor());
  const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, ec);
  for (const auto& entry : found) {
    ec = listen_on(acceptor_, entry.endpoint());
    if (ec)
      continue;
    port_ = acceptor_.local_endpoint(ec).port();
    return {};
  }
  return failure{errc::unavailable,
                 "cannot listen on " + host + ':' + std::to_string(port) + ": " + ec.message()};
}

void listener::accept() {
  acceptor_.async_accept(handlers_.next_home(),
                         [this](boost::system::error_code ec, socket accepted) {
                           on_accepted(ec, std::move(accepted));
                         });
}

void listener::close() {
  boost::system::error_code ignored; // the acceptor is closed after an error too
  acceptor_.close(ignored);
  timer_.cancel();
}

void listener::on_accepted(boost::system::error_code ec, socket accepted) {
  if (!acceptor_.is_open())
    return;
  if (ec && ec != boost::asio::error::connection_aborted)
    return retry_later(ec);
  if (!ec)
    handlers_.on_socket(std::move(accepted));
  accept();
}

void listener::retry_later(boost::system::error_code ec) {
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_report_) {
    next_report_ = now + report_interval;
    handlers_.on_failure(ec.message());
  }
  timer_.expires_after(retry_interval);
  timer_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled)
      accept();
  });
}

} // namespace telemetry::net
