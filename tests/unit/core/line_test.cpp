// Every row and limit of PROTOCOL.md §1.

#include "core/line.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

namespace telemetry {
namespace {

/// The value of x in `text`, or NaN with a failed expectation.
double x_of(const std::string& text) {
  const std::string line = text + ",0,0,r";
  const auto event = parse_line(line);
  EXPECT_TRUE(event) << text;
  return event ? event->at.x : std::nan("");
}

/// The value of the timestamp in `text`, or -1 with a failed expectation.
timestamp_ms timestamp_of(const std::string& text) {
  const std::string line = "0,0," + text + ",r";
  const auto event = parse_line(line);
  EXPECT_TRUE(event) << text;
  return event ? event->timestamp : -1;
}

/// The sentence that refuses `line`; "accepted" if nothing does.
std::string fault_of(const std::string& line) {
  const auto event = parse_line(line);
  if (event) {
    return "accepted";
  }
  EXPECT_EQ(event.error().code, errc::malformed);
  return event.error().text;
}

std::string fault_of_x(const std::string& text) { return fault_of(text + ",0,0,r"); }
std::string fault_of_timestamp(const std::string& text) { return fault_of("0,0," + text + ",r"); }
std::string fault_of_name(const std::string& name) { return fault_of("0,0,0," + name); }

TEST(LineTest, ReadsTheFourFieldsInOrder) {
  const auto event = parse_line("1.5,-2.25,1700000000123,rover 7");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->at, (position{1.5, -2.25}));
  EXPECT_EQ(event->timestamp, 1700000000123);
  EXPECT_EQ(event->robot, "rover 7");
}

TEST(LineTest, NameOfTheAnswerPointsIntoTheLine) {
  const std::string line = "1,2,3,abc";
  EXPECT_EQ(parse_line(line)->robot.data(), line.data() + 6);
}

TEST(LineTest, AcceptsEveryDecimalNotation) {
  EXPECT_EQ(x_of("1"), 1.0);
  EXPECT_EQ(x_of("-2.5"), -2.5);
  EXPECT_EQ(x_of("+3"), 3.0);
  EXPECT_EQ(x_of(".5"), 0.5);
  EXPECT_EQ(x_of("-.5"), -0.5);
  EXPECT_EQ(x_of("+.5"), 0.5);
  EXPECT_EQ(x_of("5."), 5.0);
  EXPECT_EQ(x_of("1e3"), 1000.0);
  EXPECT_EQ(x_of("1E3"), 1000.0);
  EXPECT_EQ(x_of("1e+3"), 1000.0);
  EXPECT_EQ(x_of("25.e-1"), 2.5);
  EXPECT_EQ(x_of("007"), 7.0);
}

TEST(LineTest, ReadsTheNearestDouble) {
  EXPECT_EQ(x_of("0.1"), 0.1);
  EXPECT_EQ(x_of("9007199254740993e-3"), 9007199254740.993);
  EXPECT_EQ(x_of("123456789012345.678901234567890123456789"), 123456789012345.67);
  EXPECT_EQ(x_of("0." + std::string(400, '0') + "25e400"), 0.25);
  EXPECT_EQ(x_of("25" + std::string(400, '0') + "e-400"), 25.0);
}

TEST(LineTest, IgnoresSpacesAroundNumbersOnly) {
  const auto event = parse_line("  1 , +2 ,   3  , r ");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->at, (position{1, 2}));
  EXPECT_EQ(event->timestamp, 3);
  EXPECT_EQ(event->robot, " r ");
}

TEST(LineTest, NamesAByteOrderMark) {
  for (const std::string_view line : {"\xef\xbb\xbf"
                                      "1,2,3,r",
                                      "\xef\xbb\xbf"
                                      "1,2",
                                      "\xef\xbb\xbf"}) {
    const auto event = parse_line(line);
    ASSERT_FALSE(event);
    EXPECT_EQ(event.error().text, "x begins with a byte order mark");
  }
}

TEST(LineTest, UnderflowGivesTheNearestDouble) {
  EXPECT_EQ(x_of("1e-400"), 0.0);
  EXPECT_FALSE(std::signbit(x_of("-1e-400")));
  EXPECT_EQ(x_of("1e-99999999999999999999"), 0.0);
  EXPECT_EQ(x_of("0.01e-9223372036854775807"), 0.0);
  EXPECT_EQ(x_of("0." + std::string(500, '0') + "1"), 0.0);
  EXPECT_EQ(x_of("0." + std::string(500, '0') + "1e+50"), 0.0);
  EXPECT_EQ(x_of("-100e-400"), 0.0);
  EXPECT_EQ(x_of("5e-324"), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(x_of("1e-310"), 1e-310);
}

TEST(LineTest, MinusZeroBecomesZero) {
  EXPECT_FALSE(std::signbit(x_of("-0")));
  EXPECT_FALSE(std::signbit(x_of("-0.0e5")));
  EXPECT_FALSE(std::signbit(parse_line("0,-0,0,r")->at.y));
}

// Short decimals are read by a quotient, longer ones by from_chars(): around the border between
// them, and with the point in every place, both must be the nearest double.
TEST(LineTest, ReadsTheNearestDoubleOfDecimalsOfEveryLength) {
  std::mt19937_64 random(1); // NOLINT: the same every time
  for (std::size_t digits = 1; digits <= 19; ++digits) {
    for (int round = 0; round < 300; ++round) {
      std::string number;
      while (number.size() < digits) {
        number +=
            static_cast<char>('0' + (round < 10 ? 9 - round : static_cast<int>(random() % 10)));
      }
      for (std::size_t whole = digits > 15 ? digits - 15 : 0; whole <= digits && whole <= 15;
           ++whole) {
        std::string text = number.substr(0, whole);
        text += whole < digits ? "." + number.substr(whole) : "";
        EXPECT_EQ(x_of(text), std::strtod(text.c_str(), nullptr)) << text;
        EXPECT_EQ(x_of("-" + text), -std::strtod(text.c_str(), nullptr)) << text;
      }
    }
  }
}

TEST(LineTest, RefusesACharacterThatIsNoDigitAtEveryPlace) {
  for (const std::string good : {"1.25", "12", ".5", "123456789012345.5"}) {
    for (std::size_t at = 0; at <= good.size(); ++at) {
      for (const std::string bad : {"x", "--", ".1.", ":", "/", "\t"}) {
        std::string text = good;
        text.insert(at, bad);
        EXPECT_EQ(fault_of_x(text), "x is not a decimal number") << text;
      }
    }
  }
}

TEST(LineTest, CoordinatesReachTenToTheFifteen) {
  EXPECT_EQ(x_of("1e15"), 1e15);
  EXPECT_EQ(x_of("-1000000000000000"), -1e15);
  const std::string fault = "x is above 1e15 in magnitude";
  EXPECT_EQ(fault_of_x("1000000000000001"), fault);
  EXPECT_EQ(fault_of_x("-9999999999999999"), fault);
  EXPECT_EQ(fault_of_x("1000000000000000.2"), fault);
  EXPECT_EQ(fault_of_x("-1.0000000000000002e15"), fault);
  EXPECT_EQ(fault_of_x("1e308"), fault);
  EXPECT_EQ(fault_of_x("1e400"), fault);
  EXPECT_EQ(fault_of_x("-1e99999999999999999999"), fault);
  EXPECT_EQ(fault_of_x("10e9223372036854775807"), fault);
  EXPECT_EQ(fault_of_x("1" + std::string(400, '0')), fault);
  EXPECT_EQ(fault_of_x("1" + std::string(500, '0') + "e-50"), fault);
  EXPECT_EQ(fault_of_x("0.001e+400"), fault);
}

TEST(LineTest, RefusesWhatIsNoDecimalNumber) {
  for (const char* text :
       {"",      " ",     "nan", "-nan", "inf", "-inf",  "infinity", "+inf", "0x10",
        "0x1p3", "1_000", "1e",  "1e+",  "e3",  ".",     "-",        "+",    "+-3",
        "-+3",   "--3",   "++3", "- 3",  "+ 3", "1 2",   "1.2.3",    "1,5x", "abc",
        "1f",    "\t1",   "1\t", "１",   "−1",  "1e3.5", ".e3",      "0b1",  "1'000"}) {
    EXPECT_EQ(fault_of_x(text).substr(0, 26), std::string(text) == "1,5x"
                                                  ? "y is not a decimal number"
                                                  : "x is not a decimal number")
        << text;
  }
  EXPECT_EQ(fault_of("0,nan,0,r"), "y is not a decimal number");
  EXPECT_EQ(fault_of("0,-1e16,0,r"), "y is above 1e15 in magnitude");
}

TEST(LineTest, TimestampReachesTwoToThe53MinusOne) {
  EXPECT_EQ(timestamp_of("0"), 0);
  EXPECT_EQ(timestamp_of("+7"), 7);
  EXPECT_EQ(timestamp_of(" 8 "), 8);
  EXPECT_EQ(timestamp_of("0000000000000000000000000000012"), 12);
  EXPECT_EQ(timestamp_of("9007199254740991"), timestamp_max);
  const std::string fault = "timestamp is above 2^53-1";
  EXPECT_EQ(fault_of_timestamp("9007199254740992"), fault);
  EXPECT_EQ(fault_of_timestamp("9223372036854775808"), fault);
  EXPECT_EQ(fault_of_timestamp(std::string(400, '9')), fault);
}

TEST(LineTest, RefusesATimestampThatIsNoWholeNumber) {
  for (const char* text : {"", " ", "1.0", "1e3", "abc", "+", "-", "+-1", "--1", "1 2", "0x5",
                           "1_0", "\t1", "- 1", "nan"}) {
    EXPECT_EQ(fault_of_timestamp(text), "timestamp is not a whole number") << text;
  }
  EXPECT_EQ(fault_of_timestamp("-1"), "timestamp is negative");
  EXPECT_EQ(fault_of_timestamp("-99999999999999999999"), "timestamp is negative");
}

TEST(LineTest, NamesTheFieldThatIsMissing) {
  EXPECT_EQ(fault_of(""), "line is empty");
  EXPECT_EQ(fault_of("1"), "y is missing");
  EXPECT_EQ(fault_of("1,2"), "timestamp is missing");
  EXPECT_EQ(fault_of("1,2,3"), "robot_name is missing");
  EXPECT_EQ(fault_of("1,2,3,"), "robot_name is missing");
  EXPECT_EQ(fault_of(",2,3,r"), "x is not a decimal number");
}

TEST(LineTest, ACommaInTheNameIsOneFieldTooMany) {
  EXPECT_EQ(fault_of("1,2,3,a,b"), "robot_name has a comma: too many fields");
  EXPECT_EQ(fault_of("1,2,3,a,"), "robot_name has a comma: too many fields");
}

TEST(LineTest, KeepsTheNameVerbatim) {
  for (const std::string name :
       {"a ", "A", "a", "  ", "\"q\"", "a/b", "ß", "日本", "😀", "\xC2\x80"}) {
    const std::string line = "0,0,0," + name;
    const auto event = parse_line(line);
    ASSERT_TRUE(event) << name;
    EXPECT_EQ(event->robot, name);
  }
}

TEST(LineTest, NameHasOneTo150CodePoints) {
  const auto repeated = [](const std::string& text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) {
      all += text;
    }
    return all;
  };
  for (const std::string character : {"a", "ß", "日", "😀"}) {
    EXPECT_EQ(fault_of_name(repeated(character, 150)), "accepted") << character;
    EXPECT_EQ(fault_of_name(repeated(character, 151)), "robot_name is longer than 150 characters");
  }
  EXPECT_EQ(repeated("😀", 150).size(), name_bytes_max);
}

TEST(LineTest, RefusesControlCharactersInTheName) {
  for (int c = 0; c < 0x20; ++c) {
    EXPECT_EQ(fault_of_name(std::string("a") + static_cast<char>(c) + "b"),
              "robot_name has a control character")
        << c;
  }
  EXPECT_EQ(fault_of_name("\x7F"), "robot_name has a control character");
  EXPECT_EQ(fault_of_name("~"), "accepted");
}

TEST(LineTest, RefusesInvalidUtf8InTheName) {
  for (const std::string name : {"\x80",
                                 "\xBF", // a continuation byte alone
                                 "\xC0\x80",
                                 "\xC1\xBF",
                                 "\xE0\x9F\xBF",
                                 "\xF0\x8F\xBF\xBF", // overlong
                                 "\xED\xA0\x80",
                                 "\xED\xBF\xBF", // surrogates
                                 "\xF4\x90\x80\x80",
                                 "\xF5\x80\x80\x80",
                                 "\xFE",
                                 "\xFF", // above U+10FFFF
                                 "\xC3",
                                 "\xE6\x97",
                                 "\xF0\x9F\x98",
                                 "a\xC3", // cut off
                                 "\xC3\x28",
                                 "\xE6\x28\xA5",
                                 "\xF0\x9F\x28\x80",
                                 "\xE6\x97\x28",
                                 "\xF0\x9F\x98\x28"}) {
    EXPECT_EQ(fault_of_name(name), "robot_name is not valid UTF-8") << testing::PrintToString(name);
  }
  for (const std::string name :
       {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xE1\x80\x80", "\xEC\xBF\xBF", "\xF1\x80\x80\x80",
        "\xF3\xBF\xBF\xBF", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(fault_of_name(name), "accepted") << testing::PrintToString(name);
  }
}

TEST(CheckNameTest, SaysWhatParseLineSays) {
  EXPECT_TRUE(check_name("rover 7"));
  for (const std::string& name : {std::string(), std::string("a,b"), std::string("a\nb"),
                                  std::string("\xFF"), std::string(151, 'a')}) {
    const auto checked = check_name(name);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, errc::malformed);
    EXPECT_EQ(checked.error().text, fault_of_name(name));
  }
}

TEST(CheckCoordinateTest, HasTheLimitsOfALine) {
  EXPECT_EQ(*check_coordinate(1e15, "x"), 1e15);
  EXPECT_EQ(*check_coordinate(-1e15, "x"), -1e15);
  EXPECT_FALSE(std::signbit(*check_coordinate(-0.0, "x")));
  EXPECT_EQ(check_coordinate(std::nextafter(1e15, 2e15), "x").error().text,
            "x is above 1e15 in magnitude");
  EXPECT_EQ(check_coordinate(-1e300, "y").error().text, "y is above 1e15 in magnitude");
  EXPECT_EQ(check_coordinate(std::nan(""), "y").error().text, "y is not a decimal number");
  EXPECT_EQ(check_coordinate(std::numeric_limits<double>::infinity(), "x").error().text,
            "x is not a decimal number");
}

TEST(CheckTimestampTest, HasTheLimitsOfALine) {
  EXPECT_TRUE(check_timestamp(0));
  EXPECT_TRUE(check_timestamp(timestamp_max));
  EXPECT_EQ(check_timestamp(-1).error().text, "timestamp is negative");
  EXPECT_EQ(check_timestamp(timestamp_max + 1).error().text, "timestamp is above 2^53-1");
}

} // namespace
} // namespace telemetry
