// The reader of a key's text: no input may crash it, what it accepts has the stated form, and a
// change of any one character is noticed. Also the header around it, on a server with one key.

#include "access/key_text.hpp"
#include "net/callers.hpp"
#include "tests/fuzz/require.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace {

using namespace telemetry;
using fuzz::require;

void check_changes(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto changed = text;
    changed[i] = changed[i] == 'a' ? 'b' : 'a';
    require(!access::read_key(changed));
  }
}

const net::callers& server_with_a_key() {
  static const auto known = [] {
    auto keys =
        access::key_set::read("{\"id\":\"a\",\"hashes\":[{\"sha256\":\"" + std::string(64, '0') +
                              "\"}],\"scopes\":[\"read\"],\"prefixes\":\"all\","
                              "\"expires\":\"never\"}\n");
    require(keys.has_value());
    return net::callers::with_keys(std::move(*keys));
  }();
  return *known;
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  require(server_with_a_key().identify(text, 0).who == nullptr);
  require(server_with_a_key().identify("Bearer " + text, 0).who == nullptr);
  const auto parts = access::read_key(text);
  if (!parts)
    return 0;
  require(access::is_key_id(parts->id));
  require(text == "tmk_" + std::string(parts->id) + '.' + text.substr(parts->id.size() + 5));
  require(text.size() == parts->id.size() + 5 + access::key_secret_bytes + access::key_check_bytes);
  check_changes(text);
  return 0;
}
