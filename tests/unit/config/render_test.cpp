#include "config/settings.hpp"

#include "tests/unit/config/parsing.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <regex>
#include <sstream>

namespace telemetry::config {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string content_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(RenderTest, HelpShowsEverySettingWithDefaultAndRangeIn100Columns) {
  const std::string text = help();
  for (const setting& one : all_settings()) {
    EXPECT_THAT(text, HasSubstr(std::string(one.key) + " "));
    EXPECT_THAT(text, HasSubstr(value_text(one, {}) + "   (" + legal_range(one) + ")"));
    EXPECT_THAT(text, HasSubstr(std::string(one.meaning)));
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(line.size(), 100u) << line;
}

TEST(RenderTest, ExampleInTheTreeIsTheGeneratedOne) {
  const std::string path = TELEMETRY_SOURCE_DIR "/config/telemetryd.conf.example";
  if (std::getenv("UPDATE_EXAMPLE") != nullptr)
    std::ofstream(path) << example();
  EXPECT_EQ(content_of(path), example()) << "run this test once with UPDATE_EXAMPLE=1";
}

TEST(RenderTest, ExampleWithItsSettingsUncommentedIsTheDefaults) {
  const std::regex commented("(^|\n)#([a-z_]+ = )");
  const temporary_file file(std::regex_replace(example(), commented, "$1$2"));
  const parsed read = parse_all({"--config", file.path()});
  EXPECT_THAT(read.problems, IsEmpty());
  EXPECT_EQ(read.origins.size(), all_settings().size());
  for (const setting& one : all_settings())
    EXPECT_EQ(value_text(one, read.settings), value_text(one, {})) << one.key;
}

TEST(RenderTest, PrintedSettingsReadBackTheSame) {
  strings arguments;
  for (const setting& one : all_settings())
    // storage.min_free is 0 to 1TiB; its other value would be above warn_free's.
    if (one.key != "storage.min_free" && one.in != unit::secret)
      arguments.push_back("--" + std::string(one.key) + "=" + other_value(one));
  arguments.emplace_back("--storage.min_free=0");
  const parsed changed = parse_all(arguments);
  ASSERT_THAT(changed.problems, IsEmpty());
  const temporary_file file(print(changed));
  const parsed again = parse_all({"--config", file.path()});
  EXPECT_THAT(again.problems, IsEmpty());
  for (const setting& one : all_settings())
    EXPECT_EQ(value_text(one, again.settings), value_text(one, changed.settings)) << one.key;
}

TEST(RenderTest, PrintTellsWhereEachSettingCameFrom) {
  const std::string text = print(parse_all({"--net.port=9000"}, {"TELEMETRY_REORDER_WINDOW=2s"}));
  EXPECT_TRUE(std::regex_search(text, std::regex("port = 9000 +# command line\n"))) << text;
  EXPECT_TRUE(
      std::regex_search(text, std::regex("window = 2s +# environment TELEMETRY_REORDER_WINDOW\n")))
      << text;
  EXPECT_TRUE(std::regex_search(text, std::regex("io_threads = 1 +# default\n"))) << text;
}

} // namespace
} // namespace telemetry::config
