// A TLS connection with a real client, in pieces, with a byte that is changed on the way, and with
// reads and writes that fail. Nothing crashes, the server never reads what the client has not
// sent, without a fault it reads all of it, and a closed stream holds nothing.
//
// The first bytes say: the size of the pieces, the version, where a byte is changed, and when reads
// and writes begin to fail. The client sends the rest.

#include "net/tls_stream.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/support/tls_pair.hpp"

#include <cstdint>

namespace {

using namespace telemetry;
using fuzz::require;

constexpr std::size_t header_bytes = 6;
constexpr std::size_t never = 0xffff;

struct plan {
  std::size_t piece;
  bool is_tls_1_2;
  std::size_t change_at; ///< position in what the client sends after the handshake
  std::size_t operations;
};

plan plan_of(const std::uint8_t* data) {
  return {.piece = 1u + data[0] * 3u,
          .is_tls_1_2 = (data[1] & 1) != 0,
          .change_at = std::size_t{data[2]} << 8 | data[3],
          .operations = std::size_t{data[4]} << 8 | data[5]};
}

void talk(test::tls_pair& pair, std::string_view text, const plan& how) {
  std::size_t position = 0;
  bool was_changed = false;
  for (std::string_view rest = text; !rest.empty();
       rest.remove_prefix(std::min(rest.size(), how.piece))) {
    pair.client.write(rest.substr(0, how.piece));
    auto bytes = pair.client.take_output();
    if (how.change_at >= position && how.change_at < position + bytes.size()) {
      bytes[how.change_at - position] = static_cast<char>(bytes[how.change_at - position] ^ 0x41);
      was_changed = true;
    }
    position += bytes.size();
    pair.give(bytes);
    require(pair.server->holdings().unread <= net::tls_record_bytes_max);
  }
  require(text.starts_with(pair.received));
  if (!was_changed && how.operations == never)
    require(pair.received == text && !pair.read_fault);
  if (was_changed)
    require(pair.received.size() < text.size());
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < header_bytes)
    return 0;
  const auto how = plan_of(data);
  const std::string_view text(reinterpret_cast<const char*>(data) + header_bytes,
                              size - header_bytes);
  const int version = how.is_tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
  test::tls_pair pair({.version_min = version, .version_max = version}, how.piece);
  if (how.operations != never)
    pair.far_end.operations_left = how.operations;
  if (pair.open()) {
    talk(pair, text, how);
    (void)pair.answer(text);
    pair.server->end_writing();
    pair.take();
    require(text.starts_with(pair.answered));
    if (how.operations == never && !pair.read_fault)
      require(pair.answered == text && pair.far_end.has_its_end);
  } else {
    require(how.operations != never);
  }
  pair.server->close();
  require(pair.server->holdings().total() == 0 && !pair.far_end.is_open);
  return 0;
}
