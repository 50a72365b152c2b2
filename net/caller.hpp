#pragma once

#include "access/key_text.hpp"
#include "access/rights.hpp"
#include "core/name_filter.hpp"
#include "core/robot_state.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace telemetry::net {

using access::rights;
using access::scope;

/// On whose behalf a session asks the engine. It belongs to one request, or to a WebSocket from its
/// handshake on, and never to an HTTP connection, because a proxy sends requests of several clients
/// over one connection.
struct caller {
  /// The key that the caller showed, for which a later set of keys is asked again.
  struct shown_key {
    std::string id;
    access::key_hash hash;
  };

  std::string name; ///< for logs: "open", "key:<id>", "local:<uid>"
  rights may;
  name_filter robots = name_filter::none();
  std::optional<wall_ms> ends{}; ///< the right ends then, if nobody ends it before
  std::optional<shown_key> key{};
  /// The identity of the client's certificate that a key lists; "" if the caller showed no
  /// certificate. The right ends with the certificate, too.
  std::string certificate{};

  /// The id of the key; "" if the right came another way.
  [[nodiscard]] std::string_view key_id() const noexcept {
    constexpr std::string_view kind = "key:";
    return name.starts_with(kind) ? std::string_view(name).substr(kind.size()) : "";
  }
};

/// Shared, because a request may outlive the session that it came from.
using caller_ptr = std::shared_ptr<const caller>;

/// The caller of every session of a server without keys: it has all rights.
[[nodiscard]] const caller_ptr& anonymous();

/// A user of this machine who came through the door. File permissions let only trusted users in, so
/// it has all rights.
[[nodiscard]] caller_ptr local_caller(unsigned uid);

} // namespace telemetry::net
