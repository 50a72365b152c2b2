#pragma once

#include "access_setup.hpp"
#include "config/options.hpp"
#include "core/result.hpp"
#include "net/server.hpp"
#include "net/tls_credentials.hpp"
#include "net/warnings.hpp"

#include <memory>

namespace telemetry {

/// Certificate and key of the TLS listener, kept in step with their files; without a listener
/// nothing.
class tls_control {
public:
  /// Loads the files that the settings name, and switches core files off, because one would contain
  /// the private key. Blocks.
  /// @returns a failure whose text says what to change, if the server must not start.
  [[nodiscard]] static result<tls_control> load(const config::options& settings);

  /// Sets the options about TLS.
  void configure(net::server_options& network) const;
  /// Has `access` tell of changed files.
  /// @param warned the warnings of /readyz
  void follow(access_control& access, const std::shared_ptr<net::warnings>& warned) const;
  /// Logs the address of the listener, and the names and the end of the certificate.
  void log_address(const net::server& server) const;

private:
  std::shared_ptr<net::tls_credentials> pair_; ///< nullptr without a TLS listener
};

} // namespace telemetry
