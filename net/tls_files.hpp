#pragma once

#include "config/options.hpp"
#include "core/result.hpp"
#include "net/openssl_handles.hpp"

#include <string>
#include <vector>

namespace telemetry::net {

/// Whether the server asks its clients for certificates. With `required` a client without one is
/// refused in the handshake.
using config::client_certificates;

/// Paths of the files (PEM) that the TLS listener needs, and how it uses them.
struct tls_files {
  /// The files that the settings name; without `certificate` there is no TLS listener.
  /// @returns errc::invalid_option, with the cure, if they are not complete, or if one of them
  /// would
  ///          have no effect.
  [[nodiscard]] static result<tls_files> from(const config::options& settings);

  std::string certificate;  ///< of the server, then those of its issuers in their order
  std::string key;          ///< private, without a passphrase
  std::string client_ca{};  ///< issuers of client certificates; "" if clients are not asked
  std::string client_crl{}; ///< revoked client certificates; "": none are revoked
  client_certificates clients = client_certificates::off;
};

/// Reads the certificates of the file `path`, at least one, in their order.
/// Blocking: reads the file. Errors: unavailable (it cannot be read), malformed; the text names
/// `path`.
[[nodiscard]] result<std::vector<x509_ptr>> read_certificates(const std::string& path);

/// The same for the issuers of client certificates. They decide who has which right. Therefore the
/// file must belong to root or to the user of this process, and be writable by nobody else.
[[nodiscard]] result<std::vector<x509_ptr>> read_client_issuers(const std::string& path);

/// Reads the lists of revoked certificates of the file `path`, under the same rule.
[[nodiscard]] result<std::vector<crl_ptr>> read_revocations(const std::string& path);

/// Reads the private key of the file `path`. It must be a regular file of root or of the user of
/// this process. Users outside its group must not be able to read it, and only its owner may write
/// it.
[[nodiscard]] result<private_key_ptr> read_private_key(const std::string& path);

} // namespace telemetry::net
