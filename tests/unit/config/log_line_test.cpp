#include "config/log_line.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace telemetry::log {
namespace {

// 2026-01-31T12:00:00.123Z
constexpr std::chrono::system_clock::time_point noon{std::chrono::milliseconds{1769860800123}};

TEST(LogLineTest, WritesLogfmtWithUtcMillisecondsFirst) {
  EXPECT_EQ(encode(format::logfmt, level::info, noon, "recovered",
                   {{"events", 12}, {"seconds", 0.5}, {"ok", true}, {"engine", "rocksdb"}}),
            "time=2026-01-31T12:00:00.123Z level=info msg=\"recovered\" events=12 seconds=0.5 "
            "ok=true engine=rocksdb");
}

TEST(LogLineTest, WritesJsonThatReadsBack) {
  const std::string line = encode(format::json, level::warn, noon, "disk \"sda\"",
                                  {{"free_bytes", std::uint64_t{1} << 63}, {"name", "a\nb\\"}});
  const auto read = nlohmann::json::parse(line);
  EXPECT_EQ(read["time"], "2026-01-31T12:00:00.123Z");
  EXPECT_EQ(read["level"], "warn");
  EXPECT_EQ(read["msg"], "disk \"sda\"");
  EXPECT_EQ(read["free_bytes"], std::uint64_t{1} << 63);
  EXPECT_EQ(read["name"], "a\nb\\");
}

TEST(LogLineTest, QuotesWhatLogfmtCannotShowBare) {
  const auto value = [](std::string_view text) {
    const std::string line = encode(format::logfmt, level::info, noon, "m", {{"k", text}});
    return line.substr(line.find("k=") + 2);
  };
  EXPECT_EQ(value("plain:8000"), "plain:8000");
  EXPECT_EQ(value(""), "\"\"");
  EXPECT_EQ(value("two words"), "\"two words\"");
  EXPECT_EQ(value("a=b"), "\"a=b\"");
  EXPECT_EQ(value("say \"x\""), "\"say \\\"x\\\"\"");
}

TEST(LogLineTest, EscapesEveryCharacterThatATerminalObeys) {
  std::vector<char32_t> controls{0x7f};
  for (const auto& [from, to] :
       {std::pair<char32_t, char32_t>{0x80, 0x9f}, {0x2028, 0x202e}, {0x2066, 0x2069}})
    for (char32_t c = from; c <= to; ++c)
      controls.push_back(c);
  const auto utf8 = [](char32_t c) {
    std::string text;
    if (c < 0x80)
      return std::string(1, static_cast<char>(c));
    if (c < 0x800)
      text = {static_cast<char>(0xc0 | c >> 6)};
    else
      text = {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3f))};
    return text += static_cast<char>(0x80 | (c & 0x3f));
  };
  for (const format how : {format::logfmt, format::json}) {
    for (const char32_t c : controls) {
      const std::string name = "a" + utf8(c) + "b";
      const std::string line = encode(how, level::warn, noon, name, {{"robot", name}});
      EXPECT_EQ(line.find(utf8(c)), std::string::npos) << std::hex << std::uint32_t{c};
      if (how == format::json) {
        EXPECT_EQ(nlohmann::json::parse(line)["robot"], name);
      }
    }
    for (const char32_t c : {0xa0, 0xe9, 0x2027, 0x202f, 0x2065, 0x206a, 0x3000}) {
      const std::string line = encode(how, level::warn, noon, "m", {{"robot", utf8(c)}});
      EXPECT_NE(line.find(utf8(c)), std::string::npos) << std::hex << std::uint32_t{c};
    }
  }
}

TEST(LogLineTest, StaysOneLineOfValidUtf8WhateverARobotIsCalled) {
  for (const format how : {format::logfmt, format::json}) {
    const std::string line =
        encode(how, level::error, noon, "bad\r\n", {{"robot", std::string_view("\xff\n\x00z", 4)}});
    EXPECT_EQ(line.find_first_of(std::string_view("\r\n\0", 3)), std::string::npos) << line;
    EXPECT_NE(line.find("\xef\xbf\xbd\\n\\u0000z"), std::string::npos) << line;
  }
}

TEST(LogLineTest, WritesTimesBeforeTheEpoch) {
  const auto when = std::chrono::system_clock::time_point(std::chrono::milliseconds{-1});
  EXPECT_NE(encode(format::logfmt, level::debug, when, "m", {}).find("1969-12-31T23:59:59.999Z"),
            std::string::npos);
}

} // namespace
} // namespace telemetry::log
