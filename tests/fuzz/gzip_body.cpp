// A gzip body. The first byte chooses limit and step. Whatever the body is, no more than the limit
// and a byte is ever inflated, steps do not change what is read, and a whole text reads the same
// after it is compressed again.

#include "net/rest/gzip.hpp"
#include "tests/fuzz/require.hpp"

#include <cstdint>

namespace {

using namespace telemetry;
using fuzz::require;
using namespace telemetry::net;
using state = gzip_reader::state;

struct outcome {
  state end;
  std::string text;
};

outcome read(std::string_view body, std::size_t bytes_max, std::size_t step) {
  gzip_reader reader(std::string(body), bytes_max);
  auto now = state::partial;
  while (now == state::partial) {
    now = reader.advance(step);
    require(reader.text().size() <= bytes_max + 1);
  }
  return {now, std::move(reader.text())};
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::size_t bytes_max = 1u << (data[0] % 17);
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const outcome whole = read(body, bytes_max, SIZE_MAX / 2);
  const outcome stepped = read(body, bytes_max, 1 + data[0] / 17 * 100u);
  require(whole.end == stepped.end);
  if (whole.end != state::whole)
    return 0;
  require(whole.text == stepped.text);
  gzip_writer writer;
  std::string packed;
  writer.append(whole.text, true, packed);
  const outcome again = read(packed, bytes_max, 1'000);
  require(again.end == state::whole && again.text == whole.text);
  return 0;
}
