#include "net/rest/format_json.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <ctime>
#include <random>

namespace telemetry::net {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string json_time(wall_ms time) {
  std::string out;
  append_json_time(out, time);
  return out;
}

TEST(FormatJsonTest, KeepsTextAndEscapesOnlyWhatItMust) {
  EXPECT_EQ(json_string("Zoë 🤖 /'<>&\x7f"), "\"Zoë 🤖 /'<>&\x7f\"");
  EXPECT_EQ(json_string("\"\\"), "\"\\\"\\\\\"");
  EXPECT_EQ(json_string(std::string_view("\0\b\t\n\f\r\x1f", 7)),
            "\"\\u0000\\b\\t\\n\\f\\r\\u001f\"");
  EXPECT_EQ(json_string(""), "\"\"");
}

TEST(FormatJsonTest, ReplacesBytesThatAreNoUtf8) {
  EXPECT_EQ(json_string("a\xff\xc3z"), "\"a\xef\xbf\xbd\xef\xbf\xbdz\"");
}

TEST(FormatJsonTest, AgreesWithNlohmannAboutRandomBytes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  constexpr unsigned char likely[] = {0x22, 0x5c, 0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xf5};
  for (int i = 0; i < 5'000; ++i) {
    std::string text(random() % 8, '\0');
    for (char& c : text)
      c = static_cast<char>(random() % 2 == 0 ? likely[random() % std::size(likely)] : random());
    const nlohmann::json value = text;
    if (is_utf8(text))
      ASSERT_EQ(json_string(text), value.dump());
    else
      ASSERT_THROW((void)value.dump(), nlohmann::json::exception);
    ASSERT_TRUE(nlohmann::json::accept(json_string(text)));
  }
}

TEST(FormatJsonTest, WritesTimesWithMilliseconds) {
  EXPECT_EQ(json_time(0), "\"1970-01-01T00:00:00.000+00:00\"");
  EXPECT_EQ(json_time(1'769'860'800'123), "\"2026-01-31T12:00:00.123+00:00\"");
  EXPECT_EQ(json_time(951'782'400'000 - 1), "\"2000-02-28T23:59:59.999+00:00\"");
  EXPECT_EQ(json_time(951'782'400'000), "\"2000-02-29T00:00:00.000+00:00\"");
  EXPECT_EQ(json_time(-1), "\"1969-12-31T23:59:59.999+00:00\"");
}

TEST(FormatJsonTest, AgreesWithTheCalendarOfTheSystem) {
  for (std::time_t day = -30'000; day < 150'000; day += 7) {
    const std::time_t second = day * 86'400 + 45'296; // 12:34:56
    std::tm parts{};
    gmtime_r(&second, &parts);
    char text[64];
    std::strftime(text, sizeof text, "\"%Y-%m-%dT%H:%M:%S.007+00:00\"", &parts);
    ASSERT_EQ(json_time(second * 1'000 + 7), text);
  }
}

TEST(FormatJsonTest, WritesRobotsWithKeysInOrder) {
  robot_state state{12, {1.5, -2}, 3.25, 1, 0, 0};
  std::string out;
  append_json_robot(out, "a\"b", state);
  EXPECT_EQ(out, "{\"created_time\":\"1970-01-01T00:00:00.000+00:00\",\"events\":1,"
                 "\"last_timestamp\":12,\"last_x\":1.5,\"last_y\":-2.0,\"name\":\"a\\\"b\","
                 "\"odometer\":3.25,\"removed_time\":0,\"updated_time\":null}");
  state.events = 2;
  state.updated = 1'000;
  out.clear();
  append_json_robot(out, "r", state);
  EXPECT_EQ(nlohmann::json::parse(out).dump(), out) << "compact, keys sorted";
  EXPECT_EQ(nlohmann::json::parse(out).at("updated_time"), "1970-01-01T00:00:01.000+00:00");
}

} // namespace
} // namespace telemetry::net
