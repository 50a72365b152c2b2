#include "net/rest/body_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string fault(std::string_view text) {
  const auto event = parse_json_event(text);
  EXPECT_FALSE(event) << text;
  return event ? "" : event.error().text;
}

constexpr std::size_t element_bytes_max = 10'000;

/// Reads an array, a byte's worth at a time.
result<parsed_body> read(const std::string& body) {
  const auto reader = make_json_array_reader(body, element_bytes_max);
  while (true) {
    const auto done = reader->advance(1);
    if (!done)
      return done.error();
    if (done.value())
      return reader->take();
  }
}

TEST(BodyJsonTest, ReadsEvent) {
  const auto event = parse_json_event(R"( {"timestamp":7,"y":-2.5,"robot":"a\u00e9\n","x":1e3} )" +
                                      1); // an object begins with its brace
  EXPECT_FALSE(event) << "a control character in the name";
  const auto good = parse_json_event(R"({"timestamp":7,"y":-2.5,"robot":"a\u00e9","x":1e3} )");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->robot, "aé");
  EXPECT_EQ(good->at, (position{1000, -2.5}));
  EXPECT_EQ(good->timestamp, 7);
}

TEST(BodyJsonTest, IgnoresOtherKeysAndWhatIsInThem) {
  const auto event =
      parse_json_event(R"({"robot":"a","x":1,"y":2,"timestamp":3,"":null,"z":[1,{"x":9,)"
                       R"("robot":"b","timestamp":[1.5]}],"t":1e999999999999})");
  EXPECT_FALSE(event) << "a number that no double holds is no JSON number to us";
  const auto nested = parse_json_event(
      R"({"robot":"a","x":1,"y":2,"timestamp":3,"z":[1,{"x":9,"robot":"b","timestamp":[1.5]}]})");
  ASSERT_TRUE(nested);
  EXPECT_EQ(nested->robot, "a");
  EXPECT_EQ(nested->at.x, 1);
}

TEST(BodyJsonTest, TakesTheLastOfRepeatedKeys) {
  const auto event = parse_json_event(
      R"({"robot":"a","robot":"b","x":1,"x":2,"y":3,"timestamp":4,"timestamp":5})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->robot, "b");
  EXPECT_EQ(event->at.x, 2);
  EXPECT_EQ(event->timestamp, 5);
}

TEST(BodyJsonTest, NamesWhatIsMissingOrOfAnotherType) {
  EXPECT_EQ(fault(R"({})"), "x is missing");
  EXPECT_EQ(fault(R"({"x":1})"), "y is missing");
  EXPECT_EQ(fault(R"({"x":1,"y":2})"), "timestamp is missing");
  EXPECT_EQ(fault(R"({"x":1,"y":2,"timestamp":3})"), "robot is missing");
  EXPECT_EQ(fault(R"({"robot":"a","x":"1","y":2,"timestamp":3})"), "x is not a number");
  EXPECT_EQ(fault(R"({"robot":"a","x":1,"y":null,"timestamp":3})"), "y is not a number");
  EXPECT_EQ(fault(R"({"robot":"a","x":1,"y":[2],"timestamp":3})"), "y is not a number");
  EXPECT_EQ(fault(R"({"robot":"a","x":1,"y":2,"timestamp":"3"})"),
            "timestamp is not a whole number");
  EXPECT_EQ(fault(R"({"robot":"a","x":1,"y":2,"timestamp":3.5})"),
            "timestamp is not a whole number");
  EXPECT_EQ(fault(R"({"robot":"a","x":1,"y":2,"timestamp":3e-1})"),
            "timestamp is not a whole number");
  EXPECT_EQ(fault(R"({"robot":7,"x":1,"y":2,"timestamp":3})"), "robot is not a string");
  EXPECT_EQ(fault(R"({"robot":{"robot":"a"},"x":1,"y":2,"timestamp":3})"), "robot is not a string");
}

TEST(BodyJsonTest, ChecksValuesAsLinesAreChecked) {
  EXPECT_THAT(fault(R"({"robot":"a","x":1e16,"y":2,"timestamp":3})"), HasSubstr("x "));
  EXPECT_THAT(fault(R"({"robot":"a","x":1,"y":-1000000000000001,"timestamp":3})"), HasSubstr("y "));
  EXPECT_THAT(fault(R"({"robot":"a","x":1,"y":2,"timestamp":-1})"), HasSubstr("negative"));
  EXPECT_THAT(fault(R"({"robot":"","x":1,"y":2,"timestamp":3})"), HasSubstr("robot_name"));
  EXPECT_THAT(fault(R"({"robot":"a,b","x":1,"y":2,"timestamp":3})"), HasSubstr("robot_name"));
  EXPECT_THAT(fault(R"({"robot":"a\u0000","x":1,"y":2,"timestamp":3})"), HasSubstr("robot_name"));
}

TEST(BodyJsonTest, TellsIntegersBeyond64BitsFromFractions) {
  const auto at = [](const std::string& time) {
    return R"({"robot":"a","x":1,"y":2,"timestamp":)" + time + "}";
  };
  EXPECT_TRUE(parse_json_event(at("9007199254740991")));
  for (const std::string& time :
       {std::string("9007199254740992"), std::string("18446744073709551615"), std::string(40, '9')})
    EXPECT_EQ(fault(at(time)), "timestamp is above 2^53-1");
  for (const std::string& time : {std::string("-9223372036854775809"), "-" + std::string(40, '9')})
    EXPECT_EQ(fault(at(time)), "timestamp is negative");
  EXPECT_EQ(fault(at(std::string(400, '9'))), "a number is too large");
}

TEST(BodyJsonTest, ReadsWholeTimestampsHoweverTheyAreWritten) {
  const auto read_time = [](const std::string& time) {
    const auto event = parse_json_event(R"({"robot":"a","x":1,"y":2,"timestamp":)" + time + "}");
    EXPECT_TRUE(event) << time << ": " << event.error().text;
    return event ? event->timestamp : -1;
  };
  EXPECT_EQ(read_time("1795911637676.0"), 1'795'911'637'676);
  EXPECT_EQ(read_time("1.7e12"), 1'700'000'000'000);
  EXPECT_EQ(read_time("1.795911637676E+12"), 1'795'911'637'676);
  EXPECT_EQ(read_time("17959116376760e-1"), 1'795'911'637'676);
  EXPECT_EQ(read_time("3e0"), 3);
  EXPECT_EQ(read_time("3.000"), 3);
  EXPECT_EQ(read_time("0.0"), 0);
  EXPECT_EQ(read_time("-0.0"), 0);
  EXPECT_EQ(read_time("0e5"), 0);
  EXPECT_EQ(read_time("0.0030e4"), 30);
  EXPECT_EQ(read_time("9007199254740991.0"), timestamp_max);
  EXPECT_EQ(read_time("9.007199254740991e15"), timestamp_max);
  EXPECT_EQ(read_time("0." + std::string(1'000, '0') + "7e1001"), 7);
  EXPECT_EQ(read_time("7" + std::string(300, '0') + "e-300"), 7);
}

TEST(BodyJsonTest, RoundsNoTimestamp) {
  const auto at = [](const std::string& time) {
    return R"({"robot":"a","x":1,"y":2,"timestamp":)" + time + "}";
  };
  for (const std::string time : {"1795911637676.5", "1795911637676.0000001", "1.79591163767651e12",
                                 "1e-1", "0.1", "-0.5", "9007199254740990.9999999999", "5e-324",
                                 "1e-99999999999999999999", "30e-2", "9007199254740991.5"})
    EXPECT_EQ(fault(at(time)), "timestamp is not a whole number") << time;
  for (const std::string time :
       {"9007199254740992.0", "9.007199254740992e15", "9007199254740991e1", "1e16", "1e300",
        "9223372036854775807.0", "18446744073709551616.0"})
    EXPECT_EQ(fault(at(time)), "timestamp is above 2^53-1") << time;
  for (const std::string time : {"-1.0", "-1e3", "-9223372036854775809.0", "-1e300"})
    EXPECT_EQ(fault(at(time)), "timestamp is negative") << time;
}

TEST(BodyJsonTest, RefusesWhatIsNoJsonObject) {
  for (const std::string text :
       {"", " ", "[]", "7", "{", "{]", "{\"x\"}", "{\"x\":}", "{\"x\":1,}", "{} x",
        "{\"robot\":\"\xff\"}", "{\"robot\":\"\\ud800\"}", "{'x':1}", "{\"x\":01}",
        "\xef\xbb\xbf{}", "{\"x\":NaN}", "{/**/}"})
    EXPECT_FALSE(parse_json_event(text)) << text;
}

// Found by fuzz_http_body.
TEST(BodyJsonTest, SeesNoEndInNulBytes) {
  const std::string event = R"({"robot":"a","x":1,"y":2,"timestamp":3})";
  const std::string nul(1, '\0');
  for (const std::string& text : {event + nul, event + nul + "}", "{" + nul + event.substr(1)})
    EXPECT_FALSE(parse_json_event(text));
  EXPECT_FALSE(read("[" + event + nul + "]"));
  EXPECT_FALSE(read("[" + event + "]" + nul));
}

TEST(BodyJsonTest, BoundsNesting) {
  const auto nest = [](std::size_t depth) {
    return R"({"robot":"a","x":1,"y":2,"timestamp":3,"z":)" + std::string(depth, '[') +
           std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(parse_json_event(nest(90)));
  EXPECT_EQ(fault(nest(100)), "nested too deeply");
  EXPECT_EQ(fault(nest(1'000'000)), "nested too deeply");
}

const std::string good = R"({"robot":"a","x":1,"y":2,"timestamp":3})";

TEST(BodyJsonTest, ReadsArrays) {
  EXPECT_EQ(read(" [ ] \n").value().events.size(), 0u);
  const auto body = read(" [" + good + " ,\n" + good + "\t] ").value();
  EXPECT_EQ(body.events.size(), 2u);
  EXPECT_THAT(body.lines, ElementsAre(1, 2));
  EXPECT_EQ(body.invalid, 0u);
}

TEST(BodyJsonTest, FindsElementsPastBracketsInStrings) {
  const auto body = read(R"([{"robot":"]},[{\"\\","x":1,"y":2,"timestamp":3,"z":[[],{}]}])");
  EXPECT_FALSE(body) << "the comma in the name";
  const auto legal = read(R"([{"robot":"]}[{\"\\","x":1,"y":2,"timestamp":3,"z":[[],{"a":"]"}]}])");
  ASSERT_TRUE(legal);
  EXPECT_EQ(legal->events.at(0).robot, "]}[{\"\\");
}

TEST(BodyJsonTest, RefusesAnElementAboveTheLimitWithoutReadingItAll) {
  const std::string head = R"({"robot":"a","x":1,"y":2,"timestamp":3,"more":")";
  const auto element = [&](std::size_t size) {
    return head + std::string(size - head.size() - 2, 'z') + "\"}";
  };
  EXPECT_EQ(read('[' + element(element_bytes_max) + ']').value().events.size(), 1U);
  const auto too_long = read("[" + element(100) + "," + element(element_bytes_max + 1) + "]");
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().text, "element 2 is longer than ingest.max_message");
  // Its end is not searched for beyond the limit.
  const auto endless = read('[' + std::string(1'000'000, '['));
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().text, "element 1 is longer than ingest.max_message");
}

TEST(BodyJsonTest, SkipsSpacesInSteps) {
  const std::string spaces(100'000, ' ');
  const auto reader = make_json_array_reader(
      spaces + '[' + spaces + R"({"robot":"a","x":1,"y":2,"timestamp":3}])" + spaces,
      element_bytes_max);
  int steps = 1;
  while (!reader->advance(1'000).value())
    ++steps;
  EXPECT_GE(steps, 300);
  EXPECT_EQ(reader->take().events.size(), 1U);
}

TEST(BodyJsonTest, RefusesArraysAsAWholeAndNamesTheElement) {
  for (const std::string& text :
       {std::string(), std::string(" "), std::string("["), std::string("[,]"), std::string("[1]"),
        std::string("[[]]"), "[" + good, "[" + good + ",", "[" + good + ",]",
        "[" + good + " " + good + "]", "[" + good + "}]", "[" + good + "]]", "[" + good + "] [",
        "[" + good + ",null]", good, std::string("[\"]"), std::string("[{\"\\"), std::string("]")})
    EXPECT_FALSE(read(text)) << text;
  EXPECT_EQ(read("[" + good + "," + good + ",{\"x\":1}]").error().text, "element 3: y is missing");
  EXPECT_EQ(read(good).error().text, "the body is not a JSON array");
  EXPECT_EQ(read("[" + good + "]x").error().text, "the body has text behind its JSON array");
}

} // namespace
} // namespace telemetry::net
