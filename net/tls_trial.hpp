#pragma once

#include "net/openssl_handles.hpp"

#include <string>

namespace telemetry::net {

/// Tries a handshake in memory between `server`, without a certificate of the client, and a client
/// that trusts it. @returns why it failed; "" if it succeeded.
[[nodiscard]] std::string try_handshake(SSL_CTX* server);

} // namespace telemetry::net
