#include "config/options.hpp"

#include "tests/unit/config/parsing.hpp"

#include <gmock/gmock.h>

namespace telemetry::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(OptionsTest, AreTheDefaultsWhenNothingIsGiven) {
  const parsed read = parse_all({}, {"PATH=/bin", "TELEMETRYD=x"});
  EXPECT_THAT(read.problems, IsEmpty());
  EXPECT_EQ(read.what, action::serve);
  EXPECT_THAT(read.origins, IsEmpty());
  EXPECT_EQ(print(read), print(parsed{}));
}

TEST(OptionsTest, RefusePairsOfJournalAndStoreThatDoNotWork) {
  for (const char* journal : {"mysql", "redis"})
    EXPECT_THAT(parse_all({std::string("--storage.journal=") + journal}).problems,
                ElementsAre(AllOf(HasSubstr("storage.journal:"), HasSubstr("redis and mysql"))));
  for (const char* journal : {"file", "mysql", "redis"})
    EXPECT_THAT(
        parse_all({"--storage.store=mysql", std::string("--storage.journal=") + journal}).problems,
        IsEmpty());
}

TEST(OptionsTest, RefuseUnknownKeysOfEverySourceAndSuggestTheNearest) {
  EXPECT_THAT(parse_all({"--net.prt=1"}).problems,
              ElementsAre(AllOf(HasSubstr("net.prt:"), HasSubstr("command line"),
                                HasSubstr("did you mean net.port?"))));
  EXPECT_THAT(parse_all({}, {"TELEMETRY_NET_PRT=1"}).problems,
              ElementsAre(AllOf(HasSubstr("TELEMETRY_NET_PRT:"), HasSubstr("environment"),
                                HasSubstr("did you mean TELEMETRY_NET_PORT?"))));
  const temporary_file file("[net]\nprt = 1\n[nte]\nport = 2\n");
  EXPECT_THAT(parse_all({"--config", file.path()}).problems,
              ElementsAre(AllOf(HasSubstr("net.prt:"), HasSubstr(file.path()),
                                HasSubstr("did you mean net.port?")),
                          AllOf(HasSubstr("nte.port:"), HasSubstr("did you mean net.port?"))));
}

TEST(OptionsTest, DoNotGuessFromThePrefixOfAKey) {
  EXPECT_THAT(parse_all({"--net.por=1"}).problems, ElementsAre(HasSubstr("no such setting")));
  EXPECT_THAT(parse_all({"--check"}).problems, ElementsAre(HasSubstr("no such setting")));
}

TEST(OptionsTest, RefuseWordsThatAreNoSettings) {
  EXPECT_THAT(parse_all({"serve"}).problems, ElementsAre(HasSubstr("\"serve\"")));
  EXPECT_THAT(parse_all({"--net.port"}).problems, ElementsAre(HasSubstr("net.port")));
  EXPECT_THAT(parse_all({"--net.port="}).problems, ElementsAre(HasSubstr("net.port")));
}

TEST(OptionsTest, MigrateIsAWordAndDryRunGoesWithIt) {
  EXPECT_EQ(parse_all({"migrate"}).what, action::migrate);
  const parsed dry = parse_all({"migrate", "--storage.store=mysql", "--dry-run"});
  EXPECT_EQ(dry.what, action::migrate_dry_run);
  EXPECT_EQ(dry.settings.storage.store, store_engine::mysql);
  EXPECT_THAT(parse_all({"--dry-run"}).problems, ElementsAre(HasSubstr("migrate")));
}

TEST(OptionsTest, TellAllProblemsAtOnce) {
  const temporary_file file("net.port = 70000\n");
  const parsed read = parse_all({"--config", file.path(), "--query.timeout=never"},
                                {"TELEMETRY_STORAGE_SHARDS=1025"});
  EXPECT_THAT(read.problems, ElementsAre(HasSubstr("net.port"), HasSubstr("storage.shards"),
                                         HasSubstr("query.timeout")));
}

TEST(OptionsTest, RefuseAFileThatCannotBeUsed) {
  EXPECT_THAT(parse_all({"--config", "/nonexistent/t.conf"}).problems,
              ElementsAre(AllOf(HasSubstr("/nonexistent/t.conf"), HasSubstr("No such file"))));
  const temporary_file garbage("[net]\nthis is no setting\n");
  EXPECT_THAT(parse_all({"--config", garbage.path()}).problems,
              ElementsAre(AllOf(HasSubstr(garbage.path()), HasSubstr("this is no setting"))));
  const temporary_file twice("net.port = 1\n[net]\nport = 2\n");
  EXPECT_THAT(parse_all({"--config", twice.path()}).problems,
              ElementsAre(AllOf(HasSubstr("net.port"), HasSubstr("given twice"))));
}

TEST(OptionsTest, TakeTheFileOfTheEnvironmentUnlessTheCommandLineNamesOne) {
  const temporary_file one("net.port = 1\n");
  const temporary_file two("net.port = 2\n");
  const strings environment{"TELEMETRY_CONFIG=" + one.path()};
  EXPECT_EQ(parse_all({}, environment).settings.net.port, 1);
  EXPECT_EQ(parse_all({"--config", two.path()}, environment).settings.net.port, 2);
}

TEST(OptionsTest, RefuseAWarningThatWouldComeAfterTheStop) {
  EXPECT_THAT(parse_all({"--storage.min_free=1GiB"}).problems,
              ElementsAre(AllOf(HasSubstr("storage.warn_free"), HasSubstr("1GiB or more"))));
  EXPECT_THAT(parse_all({"--storage.min_free=1GiB", "--storage.warn_free=1GiB"}).problems,
              IsEmpty());
}

TEST(OptionsTest, NoneIsNoHost) {
  EXPECT_EQ(parse_all({"--net.host=none"}).settings.net.host, "");
  EXPECT_EQ(parse_all({}).settings.net.host, "127.0.0.1");
}

TEST(OptionsTest, RefuseAnAbstractSocket) {
  EXPECT_THAT(parse_all({"--net.unix_socket=@telemetryd"}).problems,
              ElementsAre(AllOf(HasSubstr("net.unix_socket"), HasSubstr("abstract"),
                                HasSubstr("legal: a path"))));
  EXPECT_THAT(parse_all({"--net.unix_socket=./@telemetryd"}).problems, IsEmpty());
}

TEST(OptionsTest, LeaveTheKeyOfAProducerInTheEnvironmentAlone) {
  EXPECT_THAT(parse_all({}, {"TELEMETRY_KEY=tmk_a.b"}).problems, IsEmpty());
  EXPECT_THAT(parse_all({}, {"TELEMETRY_KEYS=x"}).problems,
              ElementsAre(HasSubstr("TELEMETRY_KEYS: there is no such setting")));
}

TEST(OptionsTest, KnowWhatIsAskedFor) {
  EXPECT_EQ(parse_all({"--help"}).what, action::help);
  EXPECT_EQ(parse_all({"-h"}).what, action::help);
  EXPECT_EQ(parse_all({"--version"}).what, action::version);
  EXPECT_EQ(parse_all({"--check-config", "--net.port=1"}).what, action::check_config);
  EXPECT_EQ(parse_all({"--print-config"}).what, action::print_config);
}

TEST(OptionsTest, SurviveACommandLineWithoutAProgramName) {
  EXPECT_THAT(parse(0, nullptr, nullptr).problems, IsEmpty());
}

} // namespace
} // namespace telemetry::config
