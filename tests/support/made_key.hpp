#pragma once

#include "access/key_line.hpp"
#include "access/key_set.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace telemetry::test {

/// A key with its text, which no file has.
struct made_key {
  explicit made_key(std::string id,
                    access::rights may = {access::scope::read, access::scope::ingest},
                    std::vector<std::string> prefixes = {})
      : text(access::make_key(id).value()) {
    entry.id = std::move(id);
    entry.hashes = {{access::hash_of_key(text), {}}};
    entry.may = may;
    entry.robots = prefixes.empty() ? name_filter::all() : name_filter(prefixes);
    entry.prefixes = std::move(prefixes);
  }

  [[nodiscard]] std::string line() const { return write_key_line(entry) + '\n'; }
  [[nodiscard]] std::string bearer() const { return "Bearer " + text; }

  std::string text;
  access::key entry;
};

/// The set of a keys file with these keys.
template <class... Keys>
access::key_set set_of(const Keys&... keys) {
  auto made = access::key_set::read((keys.line() + ...));
  EXPECT_TRUE(made) << made.error().text;
  return std::move(*made);
}

} // namespace telemetry::test
