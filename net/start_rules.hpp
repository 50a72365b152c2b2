#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace telemetry::net {

/// The ways into a server, and what protects them.
struct ways_in {
  struct tcp {
    std::string address;       ///< host and port, e.g. "0.0.0.0:8000"
    bool is_on_network = true; ///< an address of it is not loopback
  };

  std::optional<tcp> plain{};
  std::optional<tcp> tls{};
  bool has_door = false;
  bool asks_for_keys = false;
  bool has_trusted_proxies = false;
};

/// Why a server with these ways in must not start (SECURITY.md); nullopt if it may.
[[nodiscard]] std::optional<std::string> fault_of(const ways_in& ways);

/// Whether there is no way in at all. No setting permits this.
[[nodiscard]] bool listens_nowhere(const ways_in& ways) noexcept;

/// Whether one of the addresses that `host` stands for is not loopback; true if it cannot be
/// resolved. Blocks while it is resolved.
[[nodiscard]] bool is_on_network(const std::string& host);

} // namespace telemetry::net
