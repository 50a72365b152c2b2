#include "net/key_reload.hpp"

#include "tests/support/made_key.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace telemetry::net {
namespace {

using test::made_key;
using test::set_of;

/// A keys file, and the callers that a server would know.
class KeyReloadTest : public testing::Test {
protected:
  KeyReloadTest() {
    folder_ = (std::filesystem::temp_directory_path() / "reloadXXXXXX").string();
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  ~KeyReloadTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& text) const { std::ofstream(path()) << text; }
  [[nodiscard]] std::string path() const { return folder_ + "/keys"; }
  key_reload start(access::key_set first) {
    return {path(),
            std::move(first),
            {[this](callers_ptr known) { told_.push_back(std::move(known)); },
             [this](const auto&, const key_changes& changes) { changes_ = changes; },
             [this](const failure& why) { kept_.push_back(why.text); }}};
  }
  [[nodiscard]] bool is_known(const made_key& one) const {
    return told_.back()->identify(one.bearer(), wall_now()).who != nullptr;
  }

  std::string folder_;
  std::vector<callers_ptr> told_;
  key_changes changes_;
  std::vector<std::string> kept_;
};

TEST_F(KeyReloadTest, TakesANewFileAndNamesWhatChanged) {
  made_key stays("stays"), changes("changes");
  const made_key goes("goes"), comes("comes");
  auto reload = start(set_of(stays, changes, goes));
  changes.entry.comment = "hall 2";
  write(stays.line() + changes.line() + comes.line());
  reload.reload();
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_TRUE(is_known(stays));
  EXPECT_TRUE(is_known(comes));
  EXPECT_FALSE(is_known(goes));
  EXPECT_EQ(changes_.added, std::vector<std::string>{"comes"});
  EXPECT_EQ(changes_.changed, std::vector<std::string>{"changes"});
  EXPECT_EQ(changes_.removed, std::vector<std::string>{"goes"});
}

TEST_F(KeyReloadTest, KeepsTheOldSetWhateverHappensToTheFile) {
  const made_key one("a");
  auto reload = start(set_of(one));
  reload.reload(); // it is gone
  for (const auto& text : {std::string(), std::string("\n# no key\n"), one.line().substr(0, 40),
                           one.line() + "{\"id\":\"b\"", one.line() + one.line()}) {
    write(text);
    reload.reload();
  }
  write(one.line());
  std::filesystem::permissions(path(), std::filesystem::perms(0666));
  reload.reload();
  std::filesystem::remove(path());
  std::filesystem::create_directory(path());
  reload.reload();
  EXPECT_EQ(kept_.size(), 8u);
  EXPECT_EQ(told_.size(), 0u);
  for (const auto& why : kept_)
    EXPECT_EQ(why.find(one.text.substr(10)), std::string::npos) << why;
  EXPECT_NE(reload.known()->identify(one.bearer(), wall_now()).who, nullptr);
}

TEST_F(KeyReloadTest, TellsAgainWhenARightEndsByItself) {
  made_key first("a"), second("b");
  const auto now = wall_now();
  first.entry.expires = now + 10'000;
  second.entry.expires = now + 20'000;
  auto reload = start(set_of(first, second));
  reload.end_overdue(now + 9'999);
  EXPECT_EQ(told_.size(), 0u);
  reload.end_overdue(now + 10'000);
  reload.end_overdue(now + 19'999);
  EXPECT_EQ(told_.size(), 1u);
  reload.end_overdue(now + 20'000);
  reload.end_overdue(now + 99'999);
  EXPECT_EQ(told_.size(), 2u);
}

} // namespace
} // namespace telemetry::net
