// The first bytes of a connection. They are judged the same however they are cut, a hello is whole
// with its last byte, and nothing above 16 KiB is waited for. Records that follow are found the
// same by a naive reader.

#include "net/tls_record.hpp"
#include "tests/fuzz/require.hpp"

#include <cstdint>

namespace {

using namespace telemetry::net;
using telemetry::fuzz::require;

constexpr std::size_t hello_bytes_max = tls_header_bytes + (16u << 10);

unsigned at(std::string_view bytes, std::size_t index) {
  return static_cast<unsigned char>(bytes[index]);
}

/// A judgement stays once it is made.
void check_hello(std::string_view bytes) {
  auto before = tls_hello::partial;
  std::size_t decided_at = 0;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const auto now = judge_hello(bytes.substr(0, size));
    if (before == tls_hello::partial && now != before)
      decided_at = size;
    else
      require(now == before);
    before = now;
  }
  if (before == tls_hello::partial)
    require(bytes.size() < hello_bytes_max);
  if (before == tls_hello::refused || before == tls_hello::http)
    require(decided_at <= tls_header_bytes + 4);
  if (before == tls_hello::whole) {
    require(at(bytes, 0) == 22 && at(bytes, 1) == 3 && at(bytes, 5) == 1);
    const auto own = at(bytes, 6) << 16 | at(bytes, 7) << 8 | at(bytes, 8);
    require(decided_at == tls_header_bytes + 4 + own && decided_at <= hello_bytes_max);
    const auto record = look_at_record(bytes);
    require(record.is == tls_record::state::whole && record.bytes == decided_at);
  }
}

/// @returns the size of the record at the front; 0 if it is not whole; 1 if it is none.
std::size_t naive_record(std::string_view bytes) {
  if (!bytes.empty() && (at(bytes, 0) < 20 || at(bytes, 0) > 23))
    return 1;
  if (bytes.size() > 1 && at(bytes, 1) != 3)
    return 1;
  if (bytes.size() < 5)
    return 0;
  const std::size_t size = 5 + at(bytes, 3) * 256 + at(bytes, 4);
  if (size > 5 + 16'384 + 256)
    return 1;
  return size <= bytes.size() ? size : 0;
}

void check_records(std::string_view bytes) {
  for (;;) {
    const auto expected = naive_record(bytes);
    const auto found = look_at_record(bytes);
    require((found.is == tls_record::state::faulty) == (expected == 1));
    require((found.is == tls_record::state::partial) == (expected == 0));
    if (expected < 2)
      return;
    require(found.bytes == expected);
    bytes.remove_prefix(expected);
  }
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_hello(bytes);
  check_records(bytes);
  return 0;
}
