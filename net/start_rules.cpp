#include <utility> // Boost 1.74's Asio needs it in C++20

#include "net/start_rules.hpp"

#include "net/listener.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>

namespace telemetry::net {

bool listens_nowhere(const ways_in& ways) noexcept {
  return !ways.plain && !ways.tls && !ways.has_door;
}

std::optional<std::string> fault_of(const ways_in& ways) {
  const bool plain_on_network = ways.plain && ways.plain->is_on_network;
  const bool tls_on_network = ways.tls && ways.tls->is_on_network;
  if (listens_nowhere(ways))
    return "telemetryd listens nowhere: set net.host, tls.certificate or net.unix_socket";
  if (!ways.asks_for_keys && ways.has_trusted_proxies)
    return "net.trusted_proxies is set but no key is asked for: the proxy would open this server "
           "to "
           "its clients. Set auth.keys_file, remove net.trusted_proxies, or say --insecure.";
  if (!ways.asks_for_keys && (plain_on_network || tls_on_network))
    return (plain_on_network ? ways.plain : ways.tls)->address +
           " can be reached from the network and nobody is asked for a key. Ways out: "
           "net.host=127.0.0.1; auth.keys_file (telemetryd keys add) with tls.certificate or "
           "net.trusted_proxies; --insecure.";
  if (ways.asks_for_keys && plain_on_network && !ways.has_trusted_proxies)
    return ways.plain->address +
           " can be reached from the network without TLS, so keys could be read on the way. Ways "
           "out: net.host=127.0.0.1 with tls.certificate; net.trusted_proxies, if a proxy ends "
           "TLS; --insecure.";
  return std::nullopt;
}

bool is_on_network(const std::string& host) {
  boost::asio::io_context loop;
  const auto addresses = addresses_of(loop, host);
  return addresses.empty() ||
         !std::ranges::all_of(addresses, [](const auto& one) { return one.is_loopback(); });
}

} // namespace telemetry::net
