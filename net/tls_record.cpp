#include "net/tls_record.hpp"

namespace telemetry::net {

namespace {

constexpr unsigned type_first = 20; // change_cipher_spec
constexpr unsigned type_last = 23;  // application_data
constexpr unsigned type_handshake = 22;
constexpr unsigned version_major = 3; // of SSL 3.0, and of all versions of TLS
constexpr unsigned client_hello = 1;
constexpr std::size_t hello_header_bytes = 4; // type, length

unsigned at(std::string_view bytes, std::size_t index) noexcept {
  return static_cast<unsigned char>(bytes[index]);
}

/// Whether the first `bytes` may begin a record.
bool may_be_record(std::string_view bytes) noexcept {
  if (!bytes.empty() && (at(bytes, 0) < type_first || at(bytes, 0) > type_last))
    return false;
  return bytes.size() < 2 || at(bytes, 1) == version_major;
}

std::size_t content_bytes(std::string_view record) noexcept {
  return std::size_t{at(record, 3)} << 8 | at(record, 4);
}

/// Every method of HTTP is written in capital letters.
bool is_capital(char c) noexcept { return c >= 'A' && c <= 'Z'; }

/// Whether `content`, of which some may be missing, is one ClientHello in a record of `size`.
bool may_be_hello(std::string_view content, std::size_t size) noexcept {
  if (size < hello_header_bytes || (!content.empty() && at(content, 0) != client_hello))
    return false;
  if (content.size() < hello_header_bytes)
    return true;
  const auto own_size =
      std::size_t{at(content, 1)} << 16 | std::size_t{at(content, 2)} << 8 | at(content, 3);
  return own_size + hello_header_bytes == size;
}

} // namespace

tls_record look_at_record(std::string_view bytes) noexcept {
  using state = tls_record::state;
  if (!may_be_record(bytes))
    return {state::faulty, 0};
  if (bytes.size() < tls_header_bytes)
    return {state::partial, 0};
  const auto size = tls_header_bytes + content_bytes(bytes);
  if (size > tls_record_bytes_max)
    return {state::faulty, 0};
  return bytes.size() < size ? tls_record{state::partial, 0} : tls_record{state::whole, size};
}

tls_hello judge_hello(std::string_view bytes) noexcept {
  constexpr std::size_t hello_bytes_max = std::size_t{16} << 10;
  if (bytes.empty())
    return tls_hello::partial;
  if (is_capital(bytes.front()))
    return tls_hello::http;
  if (at(bytes, 0) != type_handshake || !may_be_record(bytes))
    return tls_hello::refused;
  if (bytes.size() < tls_header_bytes)
    return tls_hello::partial;
  const auto size = content_bytes(bytes);
  if (size > hello_bytes_max || !may_be_hello(bytes.substr(tls_header_bytes, size), size))
    return tls_hello::refused;
  return bytes.size() < tls_header_bytes + size ? tls_hello::partial : tls_hello::whole;
}

} // namespace telemetry::net
