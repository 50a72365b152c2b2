#include "net/listener.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>

namespace telemetry::net {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
namespace ip = boost::asio::ip;

/// Pause after a failed accept, for example if no descriptors are left, because trying again at
/// once would spin.
constexpr std::chrono::milliseconds retry_interval{100};
constexpr std::chrono::seconds report_interval{1};
/// How often a port that was free at one address may be taken at another.
constexpr int free_port_attempts = 100;

/// "::1" of "[::1]"; any other host as it is.
std::string_view without_brackets(std::string_view host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

/// The addresses that `host` stands for, without a port.
std::vector<tcp::endpoint> resolve(boost::asio::io_context& home, std::string_view host,
                                   error_code& ec) {
  std::vector<tcp::endpoint> found;
  if (host == "localhost") // whatever /etc/hosts says, which often has one of the two only
    return {{ip::address_v4::loopback(), 0}, {ip::address_v6::loopback(), 0}};
  const auto entries = tcp::resolver(home).resolve(host, "0", tcp::resolver::passive, ec);
  for (const auto& entry : entries)
    if (std::ranges::find(found, entry.endpoint()) == found.end())
      found.push_back(entry.endpoint());
  return found;
}

error_code listen_on(tcp::acceptor& acceptor, const tcp::endpoint& address) {
  error_code ec;
  acceptor.open(address.protocol(), ec);
  if (!ec)
    acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec)
    acceptor.bind(address, ec);
  if (!ec)
    acceptor.listen(tcp::acceptor::max_listen_connections, ec);
  error_code ignored; // because the first error is the one to return
  if (ec)
    acceptor.close(ignored);
  return ec;
}

/// Whether `ec` says that this machine does not have the address: another may do.
bool is_elsewhere(error_code ec) {
  return ec == boost::system::errc::address_not_available ||
         ec == boost::system::errc::address_family_not_supported;
}

} // namespace

std::vector<ip::address> addresses_of(boost::asio::io_context& home, std::string_view host) {
  error_code ec;
  std::vector<ip::address> out;
  for (const auto& endpoint : resolve(home, without_brackets(host), ec))
    out.push_back(endpoint.address());
  return out;
}

std::string address_text(std::string_view host, std::uint16_t port) {
  host = without_brackets(host);
  const bool is_v6 = host.find(':') != std::string_view::npos;
  return (is_v6 ? "[" + std::string(host) + "]" : std::string(host)) + ':' + std::to_string(port);
}

result<void> listener::open(const std::string& host, std::uint16_t port) {
  error_code ec;
  const auto addresses = resolve(home_, without_brackets(host), ec);
  for (int attempt = 0; !ec && attempt < free_port_attempts; ++attempt) {
    ec = bind(addresses, port);
    if (!ec)
      return {};
    if (port == 0 && ec == boost::asio::error::address_in_use)
      ec = {}; // at the second address; another port may be free at both
  }
  if (!ec)
    ec = boost::asio::error::address_in_use;
  return failure{errc::unavailable,
                 "cannot listen on " + address_text(host, port) + ": " + ec.message()};
}

/// Listens on all of `addresses` that this machine has; on none of them if it fails.
error_code listener::bind(const std::vector<tcp::endpoint>& addresses, std::uint16_t port) {
  error_code last = boost::asio::error::host_not_found;
  port_ = port;
  for (tcp::endpoint address : addresses) {
    address.port(port_);
    tcp::acceptor opened(home_);
    last = listen_on(opened, address);
    if (is_elsewhere(last))
      continue;
    if (last) {
      entrances_.clear();
      return last;
    }
    port_ = opened.local_endpoint(last).port();
    entrances_.push_back(std::make_unique<entrance>(std::move(opened), home_));
  }
  return entrances_.empty() ? last : error_code();
}

void listener::open(descriptor door) {
  port_ = 0;
  any_acceptor opened(home_);
  opened.assign(stream_protocol(AF_UNIX, 0), door.release());
  entrances_.push_back(std::make_unique<entrance>(std::move(opened), home_));
}

void listener::accept() {
  for (const auto& one : entrances_)
    accept(*one);
}

void listener::accept(entrance& at) {
  at.acceptor.async_accept([this, &at](error_code ec, stream_protocol::socket accepted) {
    on_accepted(at, ec, std::move(accepted));
  });
}

void listener::close() {
  error_code ignored; // the acceptor is closed after an error too
  for (const auto& one : entrances_) {
    one->acceptor.close(ignored);
    one->timer.cancel();
  }
}

void listener::on_accepted(entrance& at, error_code ec, stream_protocol::socket accepted) {
  if (!at.acceptor.is_open())
    return;
  std::chrono::milliseconds pause{0};
  if (!ec) {
    pause = handlers_.on_socket(descriptor(accepted.release(ec)));
  } else if (ec != boost::asio::error::connection_aborted) {
    report(ec);
    pause = retry_interval;
  }
  accept_after(at, pause);
}

void listener::report(error_code ec) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_report_)
    return;
  next_report_ = now + report_interval;
  handlers_.on_failure(ec.message());
}

void listener::accept_after(entrance& at, std::chrono::milliseconds pause) {
  if (pause.count() == 0)
    return accept(at);
  at.timer.expires_after(pause);
  at.timer.async_wait([this, &at](error_code cancelled) {
    if (!cancelled)
      accept(at);
  });
}

} // namespace telemetry::net
