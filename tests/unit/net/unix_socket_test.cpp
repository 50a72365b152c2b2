#include "net/unix_socket.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

namespace {

/// The state of each file that got a mode by chmod(), before that.
std::vector<struct stat> before_chmod;

} // namespace

/// Takes the place of the C library's function in this program.
extern "C" int chmod(const char* path, mode_t mode) noexcept {
  struct stat found {};
  if (::stat(path, &found) == 0)
    before_chmod.push_back(found);
  return ::fchmodat(AT_FDCWD, path, mode, 0);
}

namespace telemetry::net {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

/// A client or a listener of the test.
descriptor new_socket(int type = SOCK_STREAM) {
  return descriptor(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  return address;
}

descriptor bound_socket(const std::string& path, int type = SOCK_STREAM) {
  auto made = new_socket(type);
  const auto address = address_of(path);
  EXPECT_EQ(::bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return made;
}

/// 0 or an errno.
int connect(const descriptor& client, const std::string& path) {
  const auto address = address_of(path);
  return ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0
             ? 0
             : errno;
}

struct stat status_of(const std::string& path) {
  struct stat found {};
  EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
  return found;
}

class UnixSocketTest : public testing::Test {
protected:
  UnixSocketTest() { std::filesystem::create_directory(directory_); }
  ~UnixSocketTest() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] bool is_there(const std::string& name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(directory_ + "/" + name));
  }
  void expect_opens(const unix_socket_options& how) {
    const auto made = unix_socket::open(how);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(connect(new_socket(), how.path), 0);
  }
  /// Checks that the path is refused with a text that has `why`, and that its file stays.
  void expect_refused(const unix_socket_options& how, const std::string& why) {
    const auto before = status_of(how.path);
    const auto made = unix_socket::open(how);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, errc::unavailable);
    EXPECT_THAT(made.error().text, AllOf(StartsWith("net.unix_socket " + how.path + " "),
                                         HasSubstr(why), HasSubstr("set another path")));
    EXPECT_EQ(status_of(how.path).st_ino, before.st_ino);
    EXPECT_FALSE(is_there("socket.lock"));
  }

  const std::string directory_ =
      testing::TempDir() + "telemetryd-socket-" + std::to_string(::getpid());
  const std::string path_ = directory_ + "/socket";
  unix_socket_options how_{.path = path_, .owner = ""};
};

TEST_F(UnixSocketTest, AcceptsConnections) {
  auto made = unix_socket::open(how_);
  ASSERT_TRUE(made) << made.error().text;
  const auto listening = made->take();
  EXPECT_EQ(connect(new_socket(), path_), 0);
  EXPECT_TRUE(descriptor(::accept(listening.get(), nullptr, nullptr)));
  EXPECT_FALSE(is_there("socket.lock"));
}

TEST_F(UnixSocketTest, HasItsModeWhateverTheUmaskWhichComesBack) {
  for (const mode_t mode : {0600u, 0660u, 0777u})
    for (const mode_t around : {0u, 022u, 0777u}) {
      how_.mode = mode;
      const auto before = ::umask(around);
      const auto made = unix_socket::open(how_);
      EXPECT_EQ(::umask(before), around);
      ASSERT_TRUE(made) << made.error().text;
      EXPECT_EQ(status_of(path_).st_mode & 07777, mode);
    }
}

TEST_F(UnixSocketTest, IsClosedToOthersUntilItHasItsOwner) {
  how_.mode = 0666;
  how_.owner = ":" + std::to_string(::geteuid() == 0 ? 12'345u : ::getegid());
  before_chmod.clear();
  const auto around = ::umask(0);
  const auto made = unix_socket::open(how_);
  ::umask(around);
  ASSERT_TRUE(made) << made.error().text;
  ASSERT_EQ(before_chmod.size(), 1u);
  EXPECT_EQ(before_chmod[0].st_mode & 07777, 0600u);
  EXPECT_EQ(before_chmod[0].st_gid, status_of(path_).st_gid);
}

TEST_F(UnixSocketTest, FindsOwnersByNameAndByNumber) {
  const uid_t user = ::geteuid() == 0 ? ::getpwnam("nobody")->pw_uid : ::geteuid();
  const gid_t group = ::geteuid() == 0 ? ::getgrnam("nogroup")->gr_gid : ::getegid();
  const std::string user_name = ::getpwuid(user)->pw_name;
  const std::string group_name = ::getgrgid(group)->gr_name;
  struct expectation {
    std::string owner;
    uid_t user;
    gid_t group;
  };
  for (const auto& [owner, wanted_user, wanted_group] : std::vector<expectation>{
           {"", ::geteuid(), ::getegid()},
           {user_name, user, ::getegid()},
           {std::to_string(user), user, ::getegid()},
           {user_name + ':' + group_name, user, group},
           {':' + group_name, ::geteuid(), group},
           {std::to_string(user) + ':' + std::to_string(group), user, group}}) {
    how_.owner = owner;
    const auto made = unix_socket::open(how_);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(status_of(path_).st_uid, wanted_user) << owner;
    EXPECT_EQ(status_of(path_).st_gid, wanted_group) << owner;
    EXPECT_EQ(status_of(path_).st_mode & 07777, 0660u) << owner;
  }
}

TEST_F(UnixSocketTest, RefusesOwnersThatDoNotExist) {
  for (const char* owner : {"no-such-user", "no-such-user:0", ":no-such-group", "0:", ":", "-1",
                            "4294967295", "0:4294967295"}) {
    how_.owner = owner;
    const auto made = unix_socket::open(how_);
    ASSERT_FALSE(made) << owner;
    EXPECT_EQ(made.error().code, errc::invalid_option);
    EXPECT_THAT(made.error().text, StartsWith("net.unix_owner: there is no ")) << owner;
    EXPECT_FALSE(is_there("socket"));
  }
}

TEST_F(UnixSocketTest, TakesAPathOf107BytesAndNoLongerOne) {
  how_.path = directory_ + '/';
  how_.path.append(unix_path_bytes_max - how_.path.size(), 'x');
  expect_opens(how_);
  how_.path += 'x';
  const auto made = unix_socket::open(how_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::invalid_option);
  EXPECT_THAT(made.error().text, HasSubstr("107 bytes"));
}

TEST_F(UnixSocketTest, NamesADirectoryThatIsMissing) {
  how_.path = directory_ + "/missing/socket";
  const auto made = unix_socket::open(how_);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().text, AllOf(HasSubstr(how_.path), HasSubstr("No such file"),
                                       HasSubstr("its directory must exist")));
}

TEST_F(UnixSocketTest, ReplacesAnAbandonedSocketOfItsUser) {
  bound_socket(path_).close();
  expect_opens(how_);
  EXPECT_FALSE(is_there("socket"));
}

TEST_F(UnixSocketTest, ReplacesAnAbandonedSocketOfTheOwnerThatItWillGet) {
  bound_socket(path_).close();
  how_.user = ::geteuid() + 1;
  how_.owner = std::to_string(::geteuid());
  expect_opens(how_);
}

TEST_F(UnixSocketTest, LeavesTheSocketOfAnotherUser) {
  bound_socket(path_).close();
  how_.user = ::geteuid() + 1;
  expect_refused(how_, "is a socket of user " + std::to_string(::geteuid()));
}

TEST_F(UnixSocketTest, LeavesASocketThatIsListenedOn) {
  const auto other = bound_socket(path_);
  ASSERT_EQ(::listen(other.get(), 1), 0);
  expect_refused(how_, "another process listens on");
  std::vector<descriptor> clients;
  do
    clients.push_back(new_socket());
  while (connect(clients.back(), path_) == 0);
  expect_refused(how_, "another process listens on");
}

TEST_F(UnixSocketTest, LeavesASocketOfAnotherType) {
  const auto other = bound_socket(path_, SOCK_DGRAM);
  expect_refused(how_, "may be in use");
}

TEST_F(UnixSocketTest, LeavesEveryFileThatIsNoSocket) {
  std::ofstream(path_) << "text";
  expect_refused(how_, "is no socket");
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  expect_refused(how_, "is no socket");
  std::filesystem::remove(path_);
  bound_socket(directory_ + "/abandoned").close();
  std::filesystem::create_symlink("abandoned", path_);
  expect_refused(how_, "is no socket");
  EXPECT_TRUE(is_there("abandoned"));
}

TEST_F(UnixSocketTest, RemovesItsFileAndNoOther) {
  std::optional<result<unix_socket>> made(unix_socket::open(how_));
  ASSERT_TRUE(*made);
  made.reset();
  EXPECT_FALSE(is_there("socket"));
  made.emplace(unix_socket::open(how_));
  std::filesystem::rename(path_, directory_ + "/moved");
  bound_socket(path_).close();
  made.reset();
  EXPECT_TRUE(is_there("socket"));
  EXPECT_TRUE(is_there("moved"));
}

TEST_F(UnixSocketTest, IsRefusedWhileAnotherProcessMakesTheSameOne) {
  bound_socket(path_).close();
  const auto name = path_ + ".lock";
  descriptor lock(::open(name.c_str(), O_RDWR | O_CREAT, 0600));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  const auto made = unix_socket::open(how_);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().text, HasSubstr("is being opened by another process"));
  EXPECT_TRUE(is_there("socket.lock"));
  lock.close(); // as the kernel does when that process is killed
  expect_opens(how_);
  EXPECT_FALSE(is_there("socket.lock"));
}

} // namespace
} // namespace telemetry::net
