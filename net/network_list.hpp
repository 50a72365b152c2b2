#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include "core/result.hpp"

#include <boost/asio/ip/address.hpp>

#include <string_view>
#include <vector>

namespace telemetry::net {

/// A set of networks, such as the proxies that are trusted. Immutable; thread-safe.
class network_list {
public:
  /// Reads "10.0.0.0/8, 192.168.1.5, fd00::/8"; "" has no network. A host part of a network is
  /// ignored. Errors: invalid_option, for anything else, and for a network of all addresses.
  [[nodiscard]] static result<network_list> read(std::string_view text);

  /// An IPv4 address that is mapped into IPv6 counts as IPv4.
  [[nodiscard]] bool contains(const boost::asio::ip::address& one) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return networks_.empty(); }

private:
  struct network {
    boost::asio::ip::address base;
    unsigned bits;
  };

  std::vector<network> networks_;
};

} // namespace telemetry::net
