#include "net/rest/body_events.hpp"

#include "net/rest/format_events.hpp"
#include "net/rest/http_budget.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace telemetry::net {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Le;
using testing::SizeIs;

constexpr std::size_t line_bytes_max = 1'000;

/// Reads a whole body, `step` bytes at a time. @returns all parts in one.
result<parsed_body> read(body_format format, const std::string& body, std::size_t step = 1) {
  const auto reader = make_body_reader(format, body, line_bytes_max);
  parsed_body all;
  while (true) {
    const auto done = reader->advance(step);
    if (!done)
      return done.error();
    if (!done.value() && !reader->is_full())
      continue;
    const auto part = reader->take();
    all.events.insert(all.events.end(), part.events.begin(), part.events.end());
    all.lines.insert(all.lines.end(), part.lines.begin(), part.lines.end());
    all.errors.insert(all.errors.end(), part.errors.begin(), part.errors.end());
    all.errors.resize(std::min(all.errors.size(), listed_errors_max));
    all.invalid += part.invalid;
    if (done.value())
      return all;
  }
}

parsed_body read_csv(const std::string& body) { return read(body_format::csv, body).value(); }

std::vector<std::string> names(const parsed_body& body) {
  std::vector<std::string> found;
  for (const auto& event : body.events)
    found.push_back(event.robot);
  return found;
}

std::vector<std::uint64_t> error_lines(const parsed_body& body) {
  std::vector<std::uint64_t> found;
  for (const auto& error : body.errors)
    found.push_back(error.line);
  return found;
}

TEST(BodyEventsTest, FindsFormatsByContentType) {
  EXPECT_EQ(find_body_format("text/csv"), body_format::csv);
  EXPECT_EQ(find_body_format("Text/CSV; charset=utf-8"), body_format::csv);
  EXPECT_EQ(find_body_format("application/json;x=y"), body_format::json);
  EXPECT_EQ(find_body_format("application/x-ndjson"), body_format::ndjson);
  for (const char* type : {"", "text/plain", "text/csvx", "application/geo+json", "*/*"})
    EXPECT_EQ(find_body_format(type), std::nullopt) << type;
}

TEST(BodyEventsTest, ReadsLinesWithEitherEndAndNoneAtTheLast) {
  const auto body = read_csv("1,2,3,a\n1,2,4,b\r\n1,2,5,c");
  EXPECT_THAT(names(body), ElementsAre("a", "b", "c"));
  EXPECT_THAT(body.lines, ElementsAre(1, 2, 3));
  EXPECT_EQ(body.events[1].timestamp, 4);
  EXPECT_EQ(body.events[1].at, (position{1, 2}));
  EXPECT_EQ(body.invalid, 0u);
}

TEST(BodyEventsTest, ReadsNothingInEmptyBody) {
  const auto body = read_csv("");
  EXPECT_THAT(body.events, IsEmpty());
  EXPECT_EQ(body.invalid, 0u);
}

TEST(BodyEventsTest, SkipsHeaderOnlyAtTheTop) {
  const std::string header = "x,y,timestamp,robot_name";
  EXPECT_THAT(names(read_csv(header + "\n1,2,3,a\n")), ElementsAre("a"));
  EXPECT_THAT(names(read_csv(header + "\r\n1,2,3,a")), ElementsAre("a"));
  EXPECT_EQ(read_csv(header).invalid, 0u);
  EXPECT_THAT(error_lines(read_csv("1,2,3,a\n" + header + "\n")), ElementsAre(2));
  EXPECT_THAT(error_lines(read_csv(header + "\nbad\n")), ElementsAre(2)) << "it counts as a line";
  EXPECT_EQ(read(body_format::ndjson, header).value().invalid, 1u);
}

TEST(BodyEventsTest, ReadsColumnsInTheOrderOfTheHeader) {
  for (const std::string text :
       {"y,x,timestamp,robot_name\n2,1,3,a\n", "robot,timestamp,y,x\r\na,3,2,1\r\n",
        "timestamp,robot,x,y\n\"3\",\"a\",1,2", "\"x\",\"y\",\"timestamp\",\"robot\"\n1,2,3,a\n",
        "robot,note,x,speed,y,timestamp,\na,\"n, \"\"1\"\"\",1,9,2,3,\n",
        " Robot_Name , X,Y ,TIMESTAMP\na,1,2,3\n", "x,y,timestamp,robot\n1,2,3,a\n",
        "robot,2024,x,y,timestamp\na,9,1,2,3\n", "\xef\xbb\xbfrobot,y,x,timestamp\na,2,1,3\n"}) {
    const auto body = read(body_format::csv, text);
    ASSERT_TRUE(body) << text << body.error().text;
    ASSERT_THAT(names(*body), ElementsAre("a")) << text;
    EXPECT_EQ(body->events[0].at, (position{1, 2})) << text;
    EXPECT_EQ(body->events[0].timestamp, 3) << text;
    EXPECT_THAT(body->lines, ElementsAre(2)) << text;
    EXPECT_EQ(body->invalid, 0u) << text;
  }
}

TEST(BodyEventsTest, RefusesHeaderThatLacksAColumnOrNamesItTwice) {
  const auto refusal = [](const std::string& header) {
    const auto body = read(body_format::csv, header + "\n1,2,3,a\n");
    EXPECT_TRUE(body || body.error().code == errc::malformed);
    return body ? "taken" : body.error().text;
  };
  EXPECT_EQ(refusal("robot,time,x,y"), "the CSV header lacks timestamp");
  EXPECT_EQ(refusal("x,y,timestamp,robot_names"), "the CSV header lacks robot_name");
  EXPECT_EQ(refusal("lat,lon,timestamp,robot"), "the CSV header lacks x, y");
  EXPECT_EQ(refusal("lat,lon,time,id"), "the CSV header names none of x, y, timestamp, robot_name");
  EXPECT_EQ(refusal("\"a\",b"), "the CSV header names none of x, y, timestamp, robot_name");
  EXPECT_EQ(refusal("x"), "the CSV header lacks y, timestamp, robot_name");
  EXPECT_EQ(refusal("x,y,timestamp,robot,robot_name"), "the CSV header names robot_name twice");
  EXPECT_EQ(refusal("x,y,X,timestamp,robot"), "the CSV header names x twice");
}

TEST(BodyEventsTest, TakesNoEventForAHeader) {
  for (const std::string name : {"x", "y", "timestamp", "robot", "robot_name"})
    EXPECT_THAT(names(read_csv("1,2,3," + name + "\n1,2,4,a\n")), ElementsAre(name, "a"));
  EXPECT_THAT(names(read_csv("\"1\",\"2\",\"3\",\"x\"\n")), ElementsAre("x"));
  EXPECT_THAT(names(read_csv(".5,2,3,x\n")), ElementsAre("x"));
  const std::vector<std::string> faulty{"nan,2,3,robot",
                                        "\"x\",\"a\"\"" + std::string(100, 'b'),
                                        "bad",
                                        "",
                                        "a,,c,d",
                                        ",",
                                        "nan,nan,3,robot",
                                        "\"x",
                                        "x,y,timestamp,\"robot\"s"};
  for (const std::string& line : faulty)
    EXPECT_THAT(error_lines(read_csv(line + "\n1,2,3,a\n")), ElementsAre(1)) << line;
}

TEST(BodyEventsTest, RefusesLinesThatDoNotFitTheHeader) {
  const auto reason = [](const std::string& line) {
    const auto body = read_csv("robot,x,note,y,timestamp\n" + line + "\n");
    EXPECT_THAT(body.lines.size() + error_lines(body).size(), 1u);
    return body.errors.empty() ? "taken" : body.errors.front().reason;
  };
  EXPECT_EQ(reason("a,1,,2,3"), "taken");
  EXPECT_EQ(reason("a,1,n,2"), "timestamp is missing");
  EXPECT_EQ(reason("a"), "x is missing");
  EXPECT_EQ(reason(""), "line is empty");
  EXPECT_EQ(reason("a,1,n,2,3,4"), "the line has more fields than the header");
  EXPECT_EQ(reason("a,1,\"n,2,3"), "a field has no closing quote");
  EXPECT_EQ(reason("a,\"1,n,2,3"), "x has no closing quote");
  EXPECT_EQ(reason("a,\"1,5\",n,2,3"), "x has a comma");
  EXPECT_EQ(reason("\"a,b\",1,n,2,3"), "robot_name has a comma: too many fields");
  const auto body = read_csv("x,y,timestamp,robot,note\n1,2,3,a\n");
  ASSERT_THAT(body.errors, SizeIs(1));
  EXPECT_EQ(body.errors[0].reason, "the line has fewer fields than the header");
}

TEST(BodyEventsTest, SkipsOneByteOrderMarkAtTheStart) {
  const std::string mark = "\xef\xbb\xbf";
  const std::string object = R"({"robot":"a","x":1,"y":2,"timestamp":3})";
  const std::string header = "x,y,timestamp,robot_name\r\n";
  for (const auto& [format, text] : {std::pair(body_format::csv, std::string("1,2,3,a\n")),
                                     std::pair(body_format::csv, header + "1,2,3,a\r\n"),
                                     std::pair(body_format::ndjson, object + "\n"),
                                     std::pair(body_format::json, "[" + object + "]")}) {
    const auto body = read(format, mark + text);
    ASSERT_TRUE(body) << text;
    EXPECT_THAT(names(*body), ElementsAre("a")) << text;
    EXPECT_EQ(body->invalid, 0u) << text;
    const auto twice = read(format, mark + mark + text);
    EXPECT_TRUE(!twice || twice->invalid == 1) << text;
  }
  EXPECT_EQ(read_csv(mark).invalid, 0u);
  EXPECT_THAT(error_lines(read_csv(mark + "1,2,3,a\n" + mark + "1,2,4,a\n")), ElementsAre(2));
  EXPECT_THAT(error_lines(read_csv(mark.substr(0, 2) + "1,2,3,a\n")), ElementsAre(1));
}

TEST(BodyEventsTest, CountsEmptyLinesAsInvalid) {
  EXPECT_THAT(error_lines(read_csv("\n1,2,3,a\n\r\n\n")), ElementsAre(1, 3, 4));
}

TEST(BodyEventsTest, UnquotesNames) {
  EXPECT_THAT(names(read_csv("1,2,3,\"a\"\n1,2,3,\"say \"\"hi\"\"\"\n1,2,3,\"\"\"\"")),
              ElementsAre("a", "say \"hi\"", "\""));
  EXPECT_THAT(names(read_csv("1,2,3,a\"b")), ElementsAre("a\"b")) << "only a leading quote quotes";
}

TEST(BodyEventsTest, UnquotesAnyField) {
  const auto body = read_csv("\"1.5\",\"-2.5\",\"1795911637676\",\"r\"\n\"1.5\",2,3,r\r\n"
                             "1.5,\"2\",4,r\n1.5,2,\"5\",r\n\" 1.5 \",\"+2\",\" 6\",\"\"\"r\"");
  ASSERT_THAT(body.errors, IsEmpty());
  EXPECT_THAT(names(body), ElementsAre("r", "r", "r", "r", "\"r"));
  EXPECT_EQ(body.events[0].at, (position{1.5, -2.5}));
  EXPECT_EQ(body.events[0].timestamp, 1'795'911'637'676);
  for (std::size_t i = 1; i < 5; ++i) {
    EXPECT_EQ(body.events[i].at, (position{1.5, 2})) << i;
    EXPECT_EQ(body.events[i].timestamp, static_cast<timestamp_ms>(i + 2));
  }
}

TEST(BodyEventsTest, RefusesBadlyQuotedNames) {
  EXPECT_THAT(error_lines(read_csv("1,2,3,\"a\n1,2,3,\"a\"b\n1,2,3,\"a,b\"\n1,2,3,\"\"\n")),
              ElementsAre(1, 2, 3, 4));
}

TEST(BodyEventsTest, NamesTheFieldThatIsBadlyQuoted) {
  const auto reason = [](const std::string& line) {
    const auto body = read_csv(line);
    return body.errors.size() == 1 ? body.errors.front().reason : "taken";
  };
  EXPECT_EQ(reason("\"1,2,3,a"), "x has no closing quote");
  EXPECT_EQ(reason("1,\"2,3,a"), "y has no closing quote");
  EXPECT_EQ(reason("1,2,\"3\"4,a"), "timestamp has text behind its closing quote");
  EXPECT_EQ(reason("1,2,3,\"a\" "), "robot_name has text behind its closing quote");
  EXPECT_EQ(reason("\"1\""), "y is missing");
  EXPECT_EQ(reason("\"1\",2,3"), "robot_name is missing");
  EXPECT_EQ(reason("\"1\",2,3,a,"), "the line has more than 4 fields");
  EXPECT_EQ(reason("\"\",2,3,a"), "x is not a decimal number");
  EXPECT_EQ(reason("\"1,5\",2,3,a"), "x has a comma");
  EXPECT_EQ(reason("1,\"2,5\",3,a"), "y has a comma");
  EXPECT_EQ(reason("1,2,\"1,795\",a"), "timestamp has a comma");
  EXPECT_EQ(reason("1\",2,3,a"), "x is not a decimal number") << "only a leading quote quotes";
  EXPECT_EQ(reason(" \"1\",2,3,a"), "x is not a decimal number");
}

TEST(BodyEventsTest, ReadsBackWhatCsvAndNdjsonExport) {
  const std::vector<event_row> rows{{1, {0.1, -5e-324}, 0}, {9007199254740991, {1e15, -1e15}, 0}};
  for (const std::string name : {"plain", "\"quoted\"", "a\"b", " spaced ", "ü🤖", "\\"})
    for (const auto& [as, from] : {std::pair(event_format::csv, body_format::csv),
                                   std::pair(event_format::ndjson, body_format::ndjson),
                                   std::pair(event_format::json, body_format::json)}) {
      std::string text;
      const auto writer = make_event_writer(as, name);
      writer->append(rows, text);
      writer->finish(text);
      const auto body = read(from, text);
      ASSERT_TRUE(body) << text;
      ASSERT_THAT(body->events, SizeIs(2)) << text;
      EXPECT_EQ(body->events[0].robot, name);
      for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(body->events[i].at, rows[i].at);
        EXPECT_EQ(body->events[i].timestamp, rows[i].timestamp);
      }
    }
}

TEST(BodyEventsTest, ListsTheFirstErrorsAndCountsAll) {
  std::string text;
  for (int i = 0; i < 250; ++i)
    text += "bad\n1,2,3,a\n";
  const auto body = read_csv(text);
  EXPECT_EQ(body.invalid, 250u);
  ASSERT_THAT(body.errors, SizeIs(listed_errors_max));
  EXPECT_EQ(body.errors.back().line, 199u);
  EXPECT_THAT(body.events, SizeIs(250));
}

TEST(BodyEventsTest, ReadsInStepsOfAboutTheBytesAsked) {
  std::string text;
  for (int i = 0; i < 1'000; ++i)
    text += "1.00000000000,2.00000000000,3,a\n"; // long enough not to be taken in parts
  const auto reader = make_body_reader(body_format::csv, text, line_bytes_max);
  int steps = 1;
  while (!reader->advance(3'200).value())
    ++steps;
  EXPECT_EQ(steps, 10);
  EXPECT_THAT(reader->take().events, SizeIs(1'000));
}

TEST(BodyEventsTest, LeavesOutALineAboveTheLimitAndReadsTheOthers) {
  for (const std::string_view end : {"\n", "\r\n", ""}) {
    for (const std::size_t size : {line_bytes_max, line_bytes_max + 1, 5 * line_bytes_max}) {
      const std::string wide = "1," + std::string(size - 7, ' ') + "2,3,"; // and the name
      const std::string body =
          "1,2,3,a\n" + wide + 'b' + std::string(end) + (end.empty() ? "" : "1,2,5,c\n");
      for (const std::size_t step : {std::size_t{1}, std::size_t{800}, body.size()}) {
        const auto parsed = read(body_format::csv, body, step).value();
        std::vector<std::string> wanted{"a"};
        if (size == line_bytes_max)
          wanted.emplace_back("b");
        if (!end.empty())
          wanted.emplace_back("c");
        EXPECT_EQ(names(parsed), wanted) << size << ' ' << step;
        EXPECT_EQ(parsed.invalid, size > line_bytes_max ? 1U : 0U);
        if (!end.empty()) {
          EXPECT_EQ(parsed.lines.back(), 3U);
        }
        if (size > line_bytes_max) {
          EXPECT_THAT(error_lines(parsed), ElementsAre(2));
          EXPECT_EQ(parsed.errors[0].reason, "the line is longer than ingest.max_message");
        }
      }
    }
  }
}

TEST(BodyEventsTest, TakesAFirstLineAboveTheLimitForNoHeader) {
  const auto body =
      read_csv("x,y,timestamp,robot," + std::string(line_bytes_max, 'z') + "\n1,2,3,a\n");
  EXPECT_THAT(names(body), ElementsAre("a"));
  EXPECT_THAT(error_lines(body), ElementsAre(1));
}

TEST(BodyEventsTest, SearchesTheEndOfALongLineInSteps) {
  for (const body_format format : {body_format::csv, body_format::ndjson}) {
    const auto reader = make_body_reader(format, std::string(100'000, 'z') + '\n', line_bytes_max);
    int steps = 1;
    while (!reader->advance(1'000).value())
      ++steps;
    EXPECT_GE(steps, 100);
    EXPECT_EQ(reader->take().invalid, 1U);
  }
}

TEST(BodyEventsTest, ReadsNdjsonLineByLine) {
  const auto body =
      read(body_format::ndjson, "{\"robot\":\"a\",\"x\":1,\"y\":2,\"timestamp\":3}\r\n"
                                "{\"robot\":\"b\"}\n[]\n\n"
                                "{\"robot\":\"c\",\"x\":1,\"y\":2,\"timestamp\":3}")
          .value();
  EXPECT_THAT(names(body), ElementsAre("a", "c"));
  EXPECT_THAT(body.lines, ElementsAre(1, 5));
  EXPECT_THAT(error_lines(body), ElementsAre(2, 3, 4));
}

/// The shortest body of so many events in each format.
std::string shortest(body_format format, std::size_t events) {
  const std::string object = R"({"x":0,"y":0,"timestamp":0,"robot":"a"})";
  std::string body = format == body_format::json ? "[" : "";
  for (std::size_t i = 0; i < events; ++i)
    body += format == body_format::csv      ? "0,0,0,a\n"
            : format == body_format::ndjson ? object + "\n"
                                            : object + (i + 1 < events ? "," : "]");
  return body;
}

constexpr body_format all_formats[] = {body_format::csv, body_format::json, body_format::ndjson};

TEST(BodyEventsTest, AStepTakesSoManyLinesHoweverShort) {
  constexpr std::size_t events = 8 * step_lines_max;
  for (const auto format : all_formats) {
    const auto reader = make_body_reader(format, shortest(format, events), 1'000);
    ASSERT_FALSE(reader->advance(1u << 30).value());
    if (format != body_format::json) {
      EXPECT_THAT(reader->take().events, SizeIs(step_lines_max));
      continue;
    }
    int steps = 1;
    while (steps < 100 && !reader->advance(1u << 30).value())
      ++steps;
    EXPECT_GE(steps, 7);
    EXPECT_THAT(reader->take().events, SizeIs(events));
  }
}

TEST(BodyEventsTest, HasRoomForAllEventsFromTheStart) {
  for (const auto format : all_formats) {
    const auto reader = make_body_reader(format, shortest(format, 10'000), 1'000);
    while (!reader->advance(1u << 16).value() && !reader->is_full())
      ;
    const auto part = reader->take();
    EXPECT_LT(part.events.capacity(), part.events.size() + 100) << "a vector that doubled has more";
    EXPECT_LT(part.lines.capacity(), part.lines.size() + 100);
  }
}

TEST(BodyEventsTest, APartTakesNoMoreMemoryThanItsBodyIsChargedFor) {
  for (const std::size_t name_bytes : {1, 8, 9, 15, 16, 31, 32, 150}) {
    const std::string line = "0,0,0," + std::string(name_bytes, 'a') + "\n";
    for (const std::size_t body_bytes : {8u << 10, 60u << 10, 1u << 20}) {
      std::string body;
      while (body.size() < body_bytes)
        body += line;
      const auto reader = make_body_reader(body_format::csv, body, 1'000);
      while (!reader->advance(1u << 30).value() && !reader->is_full())
        ;
      const auto part = reader->take();
      const std::size_t heap_of_name = name_bytes < 16 ? 0 : (name_bytes + 1 + 15) / 16 * 16;
      const auto held = body.size() + part.events.size() * (sizeof(ingest_line) + 4 + heap_of_name);
      EXPECT_LE(held, body_memory_factor * body.size()) << name_bytes << ' ' << body_bytes;
    }
  }
}

TEST(BodyEventsTest, GivesLinesInPartsAndAnArrayAsAWhole) {
  constexpr std::size_t events = 4 * part_events_max + 5; // 8 bytes each, 32 per event of a part
  for (const auto format : all_formats) {
    const auto reader = make_body_reader(format, shortest(format, events), 1'000);
    std::vector<std::size_t> parts;
    std::uint64_t last_line = 0;
    for (bool all_read = false; !all_read;) {
      all_read = reader->advance(1u << 30).value();
      if (!all_read && !reader->is_full())
        continue;
      const auto part = reader->take();
      parts.push_back(part.events.size());
      EXPECT_LE(part.events.capacity(), std::max(part_events_max, part.events.size()) + 1);
      EXPECT_EQ(part.lines.front(), last_line + 1);
      last_line = part.lines.back();
    }
    EXPECT_EQ(last_line, events);
    if (format == body_format::json)
      EXPECT_THAT(parts, ElementsAre(events));
    else
      EXPECT_THAT(parts, AllOf(SizeIs(5), Each(Le(part_events_max))));
  }
}

} // namespace
} // namespace telemetry::net
