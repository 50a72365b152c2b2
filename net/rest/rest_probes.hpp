#pragma once

#include "net/rest/rest_context.hpp"

namespace telemetry::net {

// Addresses about the server itself.

rest_handler answer_livez;   ///< 200 while the process runs
rest_handler answer_readyz;  ///< 200, or 503 with the reason to send no traffic
rest_handler answer_version; ///< of the server and of its compiler

/// A GET of /upstream that is no WebSocket handshake: 426.
rest_handler ask_for_upgrade;

} // namespace telemetry::net
