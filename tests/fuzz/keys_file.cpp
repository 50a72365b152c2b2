// The reader of a keys file: no input may crash it, and a set that it takes is written and read as
// the same set. A refusal repeats nothing of the file.

#include "access/key_line.hpp"
#include "access/key_set.hpp"
#include "tests/fuzz/require.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace {

using namespace telemetry::access;
using telemetry::fuzz::require;

void check_legal(const key& one) {
  require(is_key_id(one.id) && one.hashes.size() <= 2);
  require(one.revoked || one.robots.permits_all() == one.prefixes.empty());
  for (const auto& prefix : one.prefixes)
    require(!prefix.empty() && one.robots.permits(prefix));
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto keys = key_set::read(text);
  if (!keys) {
    require(!keys.error().text.empty() && keys.error().text.size() < 300);
    return 0;
  }
  std::string written;
  for (const auto& one : keys->keys()) {
    check_legal(one);
    written += write_key_line(one) + '\n';
  }
  const auto again = key_set::read(written);
  require(again && again->size() == keys->size());
  for (std::size_t i = 0; i < keys->size(); ++i)
    require(write_key_line(again->keys()[i]) == write_key_line(keys->keys()[i]));
  return 0;
}
