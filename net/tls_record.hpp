#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace telemetry::net {

/// Bytes of the header of a TLS record: type, version, length (RFC 8446, 5.1).
inline constexpr std::size_t tls_header_bytes = 5;
/// Largest content of a record: 2^14 bytes, and 256 for what encryption adds (RFC 8446, 5.2).
inline constexpr std::size_t tls_content_bytes_max = (std::size_t{1} << 14) + 256;
inline constexpr std::size_t tls_record_bytes_max = tls_header_bytes + tls_content_bytes_max;

/// The record at the beginning of some bytes.
struct tls_record {
  enum class state {
    partial, ///< more bytes must come
    whole,
    faulty, ///< no record of TLS, or a larger one than TLS allows
  };
  state is = state::partial;
  std::size_t bytes = 0; ///< of a whole record, with its header
};

/// Looks at the record that `bytes` begin with. Reads its header only.
[[nodiscard]] tls_record look_at_record(std::string_view bytes) noexcept;

/// The beginning of a connection that should speak TLS.
enum class tls_hello {
  partial, ///< more bytes must come
  whole,   ///< one record with one whole ClientHello of at most 16 KiB
  http,    ///< a request of HTTP without TLS
  refused, ///< anything else
};

/// Judges the first `bytes` of a connection. OpenSSL gets them only if they are a whole
/// ClientHello, because it allocates 70 KB for the first byte, and as much as a hello announces.
[[nodiscard]] tls_hello judge_hello(std::string_view bytes) noexcept;

/// Bounds the records that bring no data, such as KeyUpdates and empty records. OpenSSL 3.0 has no
/// limit for them, and a KeyUpdate takes 15 to 31 µs of cpu.
class dataless_records {
public:
  using clock = std::chrono::steady_clock;
  static constexpr std::size_t at_once_max = 32;
  static constexpr std::chrono::seconds refill{1}; ///< one more is allowed after this time

  /// Notes a record. @returns false if there were too many.
  [[nodiscard]] bool note(clock::time_point now) noexcept {
    if (left_ < at_once_max && now - since_ >= refill) {
      const auto gained = static_cast<std::size_t>((now - since_) / refill);
      left_ = std::min(at_once_max, left_ + gained);
      since_ += gained * refill;
    }
    if (left_ == at_once_max)
      since_ = now;
    if (left_ == 0)
      return false;
    --left_;
    return true;
  }

private:
  std::size_t left_ = at_once_max;
  clock::time_point since_{}; ///< of the last refill
};

} // namespace telemetry::net
