#pragma once

#include "net/rest/gzip.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace telemetry::test {

/// `text` as one member of gzip.
inline std::string packed(std::string_view text) {
  net::gzip_writer writer;
  std::string out;
  writer.append(text, true, out);
  return out;
}

/// The text of a whole gzip.
inline std::string unpacked(std::string gzip) {
  net::gzip_reader reader(std::move(gzip), SIZE_MAX / 2);
  auto state = net::gzip_reader::state::partial;
  while (state == net::gzip_reader::state::partial)
    state = reader.advance(64u << 10);
  EXPECT_EQ(state, net::gzip_reader::state::whole);
  return std::move(reader.text());
}

} // namespace telemetry::test
