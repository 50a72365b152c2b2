#pragma once

#include "access_setup.hpp"
#include "config/options.hpp"
#include "core/result.hpp"
#include "net/server.hpp"
#include "net/tls_credentials.hpp"

#include <memory>

namespace telemetry {

using tls_ptr = std::shared_ptr<net::tls_credentials>;

/// Loads certificate and key of the TLS listener. From then on the process writes no core file,
/// because a core would contain the key. Blocks.
/// @returns nullptr if the settings name no certificate; a failure whose text says what to change
[[nodiscard]] result<tls_ptr> load_tls(const config::options& settings);

/// Sets the options about TLS. @param tls may be nullptr
void configure_tls(net::server_options& network, const tls_ptr& tls);

/// Lets `access` read certificate and key again when one of their files has changed. After a
/// failure the old pair stays. To be called before access_control::follow().
void follow_tls(access_control& access, const tls_ptr& tls);

void log_tls_address(const net::server& server, const tls_ptr& tls);

} // namespace telemetry
