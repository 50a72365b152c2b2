#include "net/rest/format_events.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace telemetry::net {
namespace {

const std::vector<event_row> rows{{1, {0, 0.5}, 0}, {2, {-3, 1e300}, 0}, {3, {0.1, 4}, 0}};

/// The first `count` rows, in pieces of `piece` rows.
std::string write(event_format format, std::size_t count, std::size_t piece,
                  std::string_view robot = "r") {
  const auto writer = make_event_writer(format, robot);
  std::string out;
  for (std::size_t at = 0; at < count; at += piece)
    writer->append(std::span(rows).subspan(at, std::min(piece, count - at)), out);
  writer->finish(out);
  return out;
}

TEST(FormatEventsTest, WritesTheSameInAnyPieces) {
  for (const event_media& one : all_formats())
    for (const std::size_t piece : {1u, 2u})
      EXPECT_EQ(write(one.format, 3, piece), write(one.format, 3, 3)) << one.name;
}

TEST(FormatEventsTest, MakesFormulasHarmlessForSpreadsheets) {
  const auto field = [](std::string_view robot) {
    const auto writer = make_safe_csv_writer(robot);
    std::string out;
    writer->append(std::span(rows).subspan(1, 1), out);
    const std::string before = "x,y,timestamp,robot_name\r\n-3.0,1e+300,2,";
    EXPECT_EQ(out.substr(0, before.size()), before) << "a number is none, whatever its sign";
    return out.substr(before.size(), out.size() - before.size() - 2);
  };
  for (const std::string name :
       {"=1+1", "+1", "-1", "@SUM(A1)", " =1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201"})
    EXPECT_EQ(field(name), "'" + name);
  EXPECT_EQ(field("=\"a\""), "\"'=\"\"a\"\"\"");
  for (const std::string name : {"r", "1+1", "'=1", "a=1", " ", "\u00e9"})
    EXPECT_EQ(field(name), name);
}

TEST(FormatEventsTest, WritesJson) {
  EXPECT_EQ(write(event_format::json, 2, 2),
            "[{\"robot\":\"r\",\"timestamp\":1,\"x\":0.0,\"y\":0.5},"
            "{\"robot\":\"r\",\"timestamp\":2,\"x\":-3.0,\"y\":1e+300}]\n");
  EXPECT_EQ(write(event_format::json, 0, 1), "[]\n");
}

TEST(FormatEventsTest, WritesNdjson) {
  EXPECT_EQ(write(event_format::ndjson, 1, 1),
            "{\"robot\":\"r\",\"timestamp\":1,\"x\":0.0,\"y\":0.5}\n");
  EXPECT_EQ(write(event_format::ndjson, 0, 1), "");
}

TEST(FormatEventsTest, WritesCsvWithItsHeader) {
  EXPECT_EQ(write(event_format::csv, 3, 1), "x,y,timestamp,robot_name\r\n0.0,0.5,1,r\r\n"
                                            "-3.0,1e+300,2,r\r\n0.1,4.0,3,r\r\n");
  EXPECT_EQ(write(event_format::csv, 0, 1), "x,y,timestamp,robot_name\r\n");
}

TEST(FormatEventsTest, QuotesCsvNamesThatHoldQuotes) {
  EXPECT_EQ(write(event_format::csv, 1, 1, "a\"b\""),
            "x,y,timestamp,robot_name\r\n0.0,0.5,1,\"a\"\"b\"\"\"\r\n");
}

TEST(FormatEventsTest, WritesGeojsonByNumberOfEvents) {
  const std::string end = ",\"properties\":{\"robot\":\"r\"},\"type\":\"Feature\"}\n";
  EXPECT_EQ(write(event_format::geojson, 0, 1), "{\"geometry\":null" + end);
  EXPECT_EQ(write(event_format::geojson, 1, 1),
            "{\"geometry\":{\"coordinates\":[0.0,0.5],\"type\":\"Point\"}" + end);
  EXPECT_EQ(write(event_format::geojson, 3, 1),
            "{\"geometry\":{\"coordinates\":[[0.0,0.5],[-3.0,1e+300],[0.1,4.0]],"
            "\"type\":\"LineString\"}" +
                end);
}

TEST(FormatEventsTest, EscapesNamesInEveryJson) {
  for (const event_media& one : all_formats()) {
    if (!one.type.ends_with("json"))
      continue;
    const std::string text = write(one.format, 1, 1, "\"\\é");
    EXPECT_TRUE(nlohmann::json::accept(text));
    EXPECT_NE(text.find("\"robot\":\"\\\"\\\\é\""), std::string::npos) << text;
  }
}

TEST(FormatEventsTest, WritesRobotsAsArray) {
  const auto writer = make_robot_writer();
  std::string out;
  const std::vector<named_robot> robots{{"a", {1, {0, 0}, 0, 1, 0, 0}},
                                        {"b", {2, {0, 0}, 0, 1, 0, 0}}};
  writer->append(std::span(robots).first(1), out);
  writer->append(std::span(robots).last(1), out);
  writer->finish(out);
  const auto parsed = nlohmann::json::parse(out);
  EXPECT_EQ(parsed.dump() + "\n", out);
  EXPECT_EQ(parsed.size(), 2u);
  EXPECT_EQ(parsed[1].at("name"), "b");
}

} // namespace
} // namespace telemetry::net
