#include "access/keys_command.hpp"
#include "access/keys_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace telemetry::access {
namespace {

constexpr wall_ms now = 1'800'000'000'000;
constexpr wall_ms hour = 3'600'000;

/// A keys file, and the commands that edit it.
struct keys_bench {
  /// @returns the exit code; `out` and `advice` have what was printed.
  int run(const std::vector<std::string>& arguments, wall_ms when = now) {
    std::ostringstream printed, told;
    const int code = run_keys_command(arguments, path, when, printed, told);
    out = printed.str();
    advice = told.str();
    return code;
  }
  /// The key that a command printed.
  [[nodiscard]] std::string secret() const { return out.substr(0, out.find('\n')); }
  [[nodiscard]] bool is_valid(const std::string& text, wall_ms when = now) const {
    const auto keys = read_keys_file(path);
    EXPECT_TRUE(keys) << keys.error().text;
    const auto parts = read_key(text);
    EXPECT_TRUE(parts) << text;
    return keys->check(*parts, text, when).found != nullptr;
  }
  void write(const std::string& text) const { std::ofstream(path) << text; }
  [[nodiscard]] std::string content() const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  keys_bench() {
    folder = (std::filesystem::temp_directory_path() / "keysXXXXXX").string();
    EXPECT_NE(::mkdtemp(folder.data()), nullptr);
    path = folder + "/keys";
  }
  ~keys_bench() { std::filesystem::remove_all(folder); }
  keys_bench(const keys_bench&) = delete;
  keys_bench& operator=(const keys_bench&) = delete;

  std::string folder, path;
  std::string out, advice;
};

TEST(KeysCommandTest, AddPrintsAKeyThatWorks) {
  keys_bench bench;
  ASSERT_EQ(bench.run({"add", "gw-7", "--scope", "ingest", "--prefix", "site-a/"}), 0)
      << bench.advice;
  const auto text = bench.secret();
  EXPECT_EQ(bench.out, text + '\n') << "nothing else on stdout";
  EXPECT_TRUE(bench.is_valid(text));
  EXPECT_EQ(bench.content().find(text), std::string::npos) << "the file has a hash only";
  const auto keys = read_keys_file(bench.path);
  const key* const one = keys->find("gw-7");
  EXPECT_EQ(one->may, rights{scope::ingest});
  EXPECT_TRUE(one->robots.permits("site-a/1"));
  EXPECT_FALSE(one->robots.permits("site-b/1"));
  EXPECT_EQ(one->expires, now + 365 * 24 * hour);
  struct stat state {};
  ASSERT_EQ(::stat(bench.path.c_str(), &state), 0);
  EXPECT_EQ(state.st_mode & 0777u, 0600u);
}

TEST(KeysCommandTest, AddTakesEveryOption) {
  keys_bench bench;
  ASSERT_EQ(bench.run({"add", "a", "--scope=read", "--scope=admin", "--all-robots",
                       "--expires=never", "--comment=of the page"}),
            0)
      << bench.advice;
  ASSERT_EQ(bench.run({"add", "b", "--scope", "read", "--prefix", "x", "--prefix", "y", "--expires",
                       "2100-01-01"}),
            0);
  const auto keys = read_keys_file(bench.path);
  EXPECT_EQ(keys->find("a")->may, (rights{scope::read, scope::admin}));
  EXPECT_TRUE(keys->find("a")->robots.permits_all());
  EXPECT_FALSE(keys->find("a")->expires);
  EXPECT_EQ(keys->find("a")->comment, "of the page");
  EXPECT_EQ(keys->find("b")->expires, 4'102'444'800'000);
  EXPECT_EQ(keys->find("b")->prefixes.size(), 2u);
}

TEST(KeysCommandTest, WrongUsageChangesNothing) {
  keys_bench bench;
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"add"},
        {"add", "A", "--scope=read", "--all-robots"},
        {"add", "a", "--all-robots"},
        {"add", "a", "--scope=write", "--all-robots"},
        {"add", "a", "--scope=read"},
        {"add", "a", "--scope=read", "--all-robots", "--prefix=x"},
        {"add", "a", "--scope=read", "--all-robots", "--expires=soon"},
        {"add", "a", "--scope=read", "--all-robots", "--expires=1999-01-01"},
        {"add", "a", "b", "--scope=read", "--all-robots"},
        {"rotate"},
        {"revoke"},
        {"show"},
        {"list", "--frobnicate"},
        {"frobnicate"}}) {
    EXPECT_EQ(bench.run(wrong), 2) << wrong.back();
    EXPECT_EQ(bench.out, "");
    EXPECT_NE(bench.advice, "");
  }
  EXPECT_EQ(bench.content(), "");
}

TEST(KeysCommandTest, AnIdIsTakenOnce) {
  keys_bench bench;
  ASSERT_EQ(bench.run({"add", "a", "--scope=read", "--all-robots"}), 0);
  EXPECT_EQ(bench.run({"add", "a", "--scope=read", "--all-robots"}), 1);
  ASSERT_EQ(bench.run({"revoke", "a"}), 0);
  EXPECT_EQ(bench.run({"add", "a", "--scope=read", "--all-robots"}), 1) << "a revoked one too";
}

TEST(KeysCommandTest, RotateLetsBothSecretsWorkForAWhile) {
  keys_bench bench;
  bench.run({"add", "a", "--scope=read", "--all-robots"});
  const auto older = bench.secret();
  ASSERT_EQ(bench.run({"rotate", "a", "--overlap", "2h"}), 0) << bench.advice;
  const auto newer = bench.secret();
  EXPECT_TRUE(bench.is_valid(older));
  EXPECT_TRUE(bench.is_valid(newer));
  EXPECT_EQ(bench.run({"rotate", "a"}), 1) << "a third secret";
  EXPECT_FALSE(bench.is_valid(older, now + 2 * hour));
  EXPECT_TRUE(bench.is_valid(newer, now + 2 * hour));
  EXPECT_EQ(bench.run({"rotate", "a"}, now + 2 * hour), 0);
  EXPECT_EQ(bench.run({"rotate", "b"}), 1);
}

TEST(KeysCommandTest, RevokeEndsAKeyAndLeavesItsId) {
  keys_bench bench;
  bench.run({"add", "a", "--scope=read", "--all-robots"});
  const auto text = bench.secret();
  ASSERT_EQ(bench.run({"revoke", "a"}), 0);
  EXPECT_FALSE(bench.is_valid(text)) << "the last key, too";
  EXPECT_EQ(bench.content(), "{\"id\":\"a\",\"revoked\":\"2027-01-15T08:00:00.000+00:00\"}\n");
  EXPECT_EQ(bench.run({"revoke", "a"}, now + hour), 0);
  EXPECT_NE(bench.content().find("T08:00"), std::string::npos) << "the first time counts";
  EXPECT_EQ(bench.run({"revoke", "b"}), 1);
}

TEST(KeysCommandTest, PruneDropsOldRevokedKeysButNeverTheLast) {
  keys_bench bench;
  for (const std::string id : {"a", "b", "c"}) {
    bench.run({"add", id, "--scope=read", "--all-robots", "--expires=never"});
    bench.run({"revoke", id});
  }
  EXPECT_EQ(bench.run({"prune"}, now + 89 * 24 * hour), 0);
  EXPECT_EQ(read_keys_file(bench.path)->size(), 3u);
  EXPECT_EQ(bench.run({"prune"}, now + 91 * 24 * hour), 0);
  EXPECT_EQ(read_keys_file(bench.path)->size(), 1u);
}

TEST(KeysCommandTest, EditsKeepCommentsAndOtherLines) {
  keys_bench bench;
  bench.run({"add", "a", "--scope=read", "--all-robots"});
  bench.write("# our keys\n\n" + bench.content() + "# the end\n");
  const auto before = bench.content();
  bench.run({"add", "b", "--scope=read", "--all-robots"});
  EXPECT_TRUE(bench.content().starts_with(before));
}

TEST(KeysCommandTest, ABrokenFileIsNotEdited) {
  keys_bench bench;
  bench.run({"add", "a", "--scope=read", "--all-robots"});
  const auto broken = bench.content() + "{\"id\":\"b\"";
  bench.write(broken);
  EXPECT_EQ(bench.run({"add", "c", "--scope=read", "--all-robots"}), 1);
  EXPECT_NE(bench.advice.find("line 2"), std::string::npos) << bench.advice;
  EXPECT_EQ(bench.content(), broken);
  EXPECT_EQ(bench.run({"check"}), 1);
  EXPECT_EQ(bench.run({"list"}), 1);
}

TEST(KeysCommandTest, AFileThatOthersCouldWriteIsNotTaken) {
  keys_bench bench;
  bench.run({"add", "a", "--scope=read", "--all-robots"});
  for (const mode_t mode : {0620u, 0602u, 0666u}) {
    ASSERT_EQ(::chmod(bench.path.c_str(), mode), 0);
    EXPECT_EQ(bench.run({"check"}), 1) << std::oct << mode;
    EXPECT_EQ(bench.run({"revoke", "a"}), 1) << std::oct << mode;
  }
  ASSERT_EQ(::chmod(bench.path.c_str(), 0644), 0);
  EXPECT_EQ(bench.run({"check"}), 0);
  bench.path = bench.folder;
  EXPECT_EQ(bench.run({"check"}), 1) << "a folder";
}

TEST(KeysCommandTest, ASymbolicLinkIsFollowedAndStays) {
  keys_bench bench;
  bench.run({"add", "a", "--scope=read", "--all-robots"});
  const auto link = bench.folder + "/link";
  ASSERT_EQ(::symlink(bench.path.c_str(), link.c_str()), 0);
  bench.path = link;
  EXPECT_EQ(bench.run({"add", "b", "--scope=read", "--all-robots"}), 0) << bench.advice;
  struct stat state {};
  ASSERT_EQ(::lstat(bench.path.c_str(), &state), 0);
  EXPECT_TRUE(S_ISLNK(state.st_mode));
  EXPECT_EQ(read_keys_file(bench.path)->size(), 2u);
}

TEST(KeysCommandTest, ListAndShowHaveNoSecrets) {
  keys_bench bench;
  bench.run({"add", "a", "--scope=read", "--scope=ingest", "--prefix=x", "--prefix=y",
             "--comment=hall 2"});
  ASSERT_EQ(bench.run({"list"}), 0);
  EXPECT_EQ(bench.out,
            "a\tvalid\tingest,read\tx and 1 more\t2028-01-15T08:00:00.000+00:00\thall 2\n");
  ASSERT_EQ(bench.run({"show", "a"}), 0);
  EXPECT_TRUE(read_keys_file(bench.path)->find("a"));
  EXPECT_EQ(bench.run({"show", "b"}), 1);
}

TEST(KeysCommandTest, NamesTheSettingIfThereIsNoFile) {
  keys_bench bench;
  bench.path.clear();
  EXPECT_EQ(bench.run({"list"}), 2);
  EXPECT_NE(bench.advice.find("auth.keys_file"), std::string::npos);
}

} // namespace
} // namespace telemetry::access
