#pragma once

#include "net/openssl_handles.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace telemetry::net {

// Facts of a certificate as texts and times.

/// `san:dns:NAME` and `san:uri:URI` for each such name, `subject:` with the RFC 2253 text if the
/// subject is not empty, and `spki:sha256:HEX`, the hash of the public key. A name with a NUL byte
/// is left out.
[[nodiscard]] std::vector<std::string> identities_of(X509* certificate);

/// The DNS names and addresses that a server's certificate is for, separated by ", "; its subject
/// if it has none.
[[nodiscard]] std::string server_names_of(X509* certificate);

/// The RFC 2253 text of the subject; "" if it is empty.
[[nodiscard]] std::string subject_of(X509* certificate);

/// The point in time of a field such as X509_get0_notAfter(). A field that is no time counts as the
/// beginning of time.
[[nodiscard]] std::chrono::system_clock::time_point time_of(const ASN1_TIME* field);

} // namespace telemetry::net
