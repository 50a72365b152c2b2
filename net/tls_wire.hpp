#pragma once

#include "net/openssl_handles.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace telemetry::net {

/// What OpenSSL reads and writes during one call, in place of a socket.
struct tls_wire {
  std::string_view record;       ///< the rest of the record that it may read
  std::string* output = nullptr; ///< it appends what it writes
};

/// A BIO that reads and writes `wire`, which must outlive it.
[[nodiscard]] bio_ptr make_tls_bio(tls_wire& wire);

/// Buffers of the TLS connections of one thread. They hold no bytes of a connection between turns.
struct tls_buffers {
  static constexpr std::size_t input_bytes = 64u << 10;

  /// Those of the calling thread.
  [[nodiscard]] static tls_buffers& of_thread();

  std::array<char, input_bytes> input;
  std::string output;
};

} // namespace telemetry::net
