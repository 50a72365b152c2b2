#include "config/settings.hpp"

#include "tests/unit/config/parsing.hpp"

#include <gmock/gmock.h>

#include <limits>
#include <set>

// What must hold for every row of the table of settings.
namespace telemetry::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

/// A row of the table with names as its sources spell them.
struct row {
  explicit row(const setting& one) : what(one), key(one.key), value(other_value(one)) {}

  const setting& what;
  const std::string key;
  const std::string value; ///< legal and not the default
  const std::string group = key.substr(0, key.find('.'));
  const std::string name = key.substr(key.find('.') + 1);

  [[nodiscard]] bool is_number() const { return !is_text(what.in) && what.in != unit::choice; }

  /// Checks that these sources are accepted and set this setting, from `origin`, to `wanted`.
  void expect_read(const strings& arguments, const strings& environment, const std::string& wanted,
                   const std::string& origin) const {
    SCOPED_TRACE(key + " " + wanted);
    strings all = unbounded(what);
    all.insert(all.end(), arguments.begin(), arguments.end());
    const parsed read = parse_all(all, environment);
    EXPECT_THAT(read.problems, IsEmpty());
    EXPECT_EQ(value_text(what, read.settings), wanted);
    ASSERT_TRUE(read.origins.contains(key));
    EXPECT_THAT(read.origins.at(key), HasSubstr(origin));
  }

  /// Checks that `bad` is refused, naming key, source and legal range, and changes nothing.
  void expect_refused(const std::string& bad) const {
    SCOPED_TRACE(key + " " + bad);
    const parsed read = parse_all({"--" + key, bad});
    EXPECT_THAT(read.problems, ElementsAre(AllOf(StartsWith(key + ": "), HasSubstr("command line"),
                                                 HasSubstr("legal: " + legal_range(what)))));
    EXPECT_EQ(value_text(what, read.settings), value_text(what, {}));
  }
};

/// `value` in digits, without a suffix.
std::string digits(std::uint64_t value, unit in) {
  return in == unit::octal ? write_number(value, in) : std::to_string(value);
}

std::vector<row> all_rows() { return {all_settings().begin(), all_settings().end()}; }

TEST(EverySettingTest, HasADefaultThatIsLegalAndAMeaning) {
  for (const row& one : all_rows()) {
    options into;
    EXPECT_FALSE(assign(one.what, value_text(one.what, {}), into)) << one.key;
    EXPECT_NE(one.value, value_text(one.what, {})) << one.key;
    EXPECT_FALSE(one.what.meaning.empty()) << one.key;
  }
}

TEST(EverySettingTest, IsReadFromTheCommandLine) {
  for (const row& one : all_rows()) {
    if (one.what.in == unit::secret)
      continue;
    one.expect_read({"--" + one.key + "=" + one.value}, {}, one.value, "command line");
    one.expect_read({"--" + one.key, one.value}, {}, one.value, "command line");
  }
}

TEST(EverySettingTest, IsReadFromTheEnvironment) {
  for (const row& one : all_rows()) {
    const std::string name = environment_name(one.what);
    one.expect_read({}, {name + "=" + one.value}, one.value, "environment " + name);
  }
}

TEST(EverySettingTest, IsReadFromAFileWithSectionsOrDottedKeys) {
  for (const row& one : all_rows()) {
    const temporary_file sections("# note\n[" + one.group + "]\n" + one.name + " = " + one.value +
                                  " # why\n");
    one.expect_read({"--config", sections.path()}, {}, one.value, "file " + sections.path());
    const temporary_file dotted(one.key + "=" + one.value + "\n");
    one.expect_read({"--config=" + dotted.path()}, {}, one.value, "file " + dotted.path());
  }
}

TEST(EverySettingTest, TakesTheSourceOfHighestPrecedence) {
  for (const row& one : all_rows()) {
    const std::string standard = value_text(one.what, {});
    const temporary_file file(one.key + "=" + one.value + "\n");
    const strings environment{environment_name(one.what) + "=" + standard};
    const std::string argument = "--" + one.key + "=";
    one.expect_read({"--config", file.path()}, environment, standard, "environment");
    if (one.what.in == unit::secret)
      continue;
    one.expect_read({"--config", file.path(), argument + one.value}, environment, one.value,
                    "command line");
    one.expect_read({argument + one.value, argument + standard}, {}, standard, "command line");
  }
}

TEST(EverySettingTest, RefusesNumbersOutOfBounds) {
  for (const row& one : all_rows()) {
    if (!one.is_number())
      continue;
    if (one.what.least > 0)
      one.expect_refused(digits(one.what.least - 1, one.what.in));
    one.expect_refused(digits(one.what.most + 1, one.what.in));
    one.expect_refused(std::to_string(std::numeric_limits<std::uint64_t>::max()));
  }
}

TEST(EverySettingTest, AcceptsTheBoundsThemselves) {
  for (const row& one : all_rows()) {
    if (!one.is_number())
      continue;
    for (const std::uint64_t bound : {one.what.least, one.what.most}) {
      const std::string text = write_number(bound, one.what.in);
      one.expect_read({"--" + one.key + "=" + text}, {}, text, "command line");
      one.expect_read({"--" + one.key + "=" + digits(bound, one.what.in)}, {}, text,
                      "command line");
    }
  }
}

TEST(EverySettingTest, BoundsTheLengthAndBytesOfText) {
  for (const row& one : all_rows()) {
    if (one.what.in != unit::text)
      continue;
    const std::string longest(one.what.most, 'x');
    one.expect_read({"--" + one.key, longest}, {}, longest, "command line");
    one.expect_refused(longest + "x");
    for (const char* bad : {"a\nb", " a", "a ", "a#b", "\x7f"})
      one.expect_refused(bad);
  }
}

TEST(EverySettingTest, RefusesWhatIsNoNumberOfItsUnitAndNoNameOfItsChoices) {
  for (const row& one : all_rows()) {
    if (is_text(one.what.in))
      continue;
    for (const char* bad : {"x", "1.5", "1x", "99999999999999999999", "INFO", "debug|info"})
      one.expect_refused(bad);
  }
}

TEST(EverySettingTest, RefusesWhatIsNoAddress) {
  for (const row& one : all_rows()) {
    if (one.what.in != unit::addresses)
      continue;
    for (const char* bad : {"a:x", "a,,b", "a:0", "a b"})
      one.expect_refused(bad);
  }
}

TEST(EverySettingTest, TakesNoSecretFromTheCommandLineAndShowsNone) {
  for (const row& one : all_rows()) {
    if (one.what.in != unit::secret)
      continue;
    const std::string name = environment_name(one.what);
    const parsed refused = parse_all({"--" + one.key + "=s3cret"});
    EXPECT_THAT(refused.problems, ElementsAre(AllOf(StartsWith(one.key + ": "), HasSubstr(name),
                                                    Not(HasSubstr("s3cret")))));
    const parsed bad = parse_all({}, {name + "=s3cret#"});
    EXPECT_THAT(bad.problems, ElementsAre(Not(HasSubstr("s3cret"))));
    const std::string shown = print(parse_all({}, {name + "=s3cret"}));
    EXPECT_THAT(shown, AllOf(HasSubstr("password = ***"), Not(HasSubstr("s3cret"))));
  }
}

TEST(SettingsTest, KeepEachKeyAndPlaceOnce) {
  std::set<std::string_view> keys;
  std::set<const void*> places;
  options place;
  const auto address = [](auto* at) { return static_cast<const void*>(at); };
  for (const setting& one : all_settings()) {
    EXPECT_TRUE(keys.insert(one.key).second) << one.key;
    EXPECT_TRUE(places.insert(std::visit(address, one.place(place))).second) << one.key;
  }
}

TEST(SettingsTest, SuggestTheNearestKey) {
  EXPECT_EQ(nearest_key("net.prt"), "net.port");
  EXPECT_EQ(nearest_key("robots.active"), "robots.active_max");
  EXPECT_EQ(nearest_key("port"), "");
  EXPECT_EQ(nearest_key("something.else.altogether"), "");
}

TEST(SettingsTest, NameEveryLevelAndFormatInTheOrderOfItsEnum) {
  EXPECT_EQ(parse_all({"--log.level=debug"}).settings.log.level, telemetry::log::level::debug);
  EXPECT_EQ(parse_all({"--log.level=info"}).settings.log.level, telemetry::log::level::info);
  EXPECT_EQ(parse_all({"--log.level=warn"}).settings.log.level, telemetry::log::level::warn);
  EXPECT_EQ(parse_all({"--log.level=error"}).settings.log.level, telemetry::log::level::error);
  EXPECT_EQ(parse_all({"--log.format=logfmt"}).settings.log.format, telemetry::log::format::logfmt);
  EXPECT_EQ(parse_all({"--log.format=json"}).settings.log.format, telemetry::log::format::json);
}

} // namespace
} // namespace telemetry::config
