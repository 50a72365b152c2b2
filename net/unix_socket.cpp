#include "net/unix_socket.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

namespace telemetry::net {

namespace {

constexpr mode_t umask_of_bind = 0177; // so that only this user can connect until the mode is set
constexpr int lock_attempts = 10;

failure refusal(const std::string& path, const std::string& why) {
  return {errc::unavailable, "net.unix_socket " + path + ' ' + why};
}

failure os_refusal(const std::string& path, const std::string& what, const std::string& remedy) {
  return refusal(path, what + ": " + std::strerror(errno) + "; " + remedy);
}

/// Numbers of a user and a group as chown() takes them: -1 means that nothing changes.
struct ownership {
  uid_t user = static_cast<uid_t>(-1);
  gid_t group = static_cast<gid_t>(-1);
};

std::optional<id_t> read_id(std::string_view digits) {
  id_t id = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (fault != std::errc() || end != digits.data() + digits.size() || id == static_cast<id_t>(-1))
    return std::nullopt;
  return id;
}

std::optional<uid_t> find_user(const std::string& name) {
  const passwd* const found = ::getpwnam(name.c_str());
  return found != nullptr ? std::optional(found->pw_uid) : read_id(name);
}

std::optional<gid_t> find_group(const std::string& name) {
  const group* const found = ::getgrnam(name.c_str());
  return found != nullptr ? std::optional(found->gr_gid) : read_id(name);
}

/// @param text user, user:group, :group, or empty
result<ownership> read_owner(const std::string& text) {
  const auto colon = std::min(text.find(':'), text.size());
  const auto user = text.substr(0, colon);
  const auto group = text.substr(std::min(colon + 1, text.size()));
  ownership owner;
  if (!user.empty()) {
    const auto id = find_user(user);
    if (!id)
      return failure{errc::invalid_option, "net.unix_owner: there is no user " + user};
    owner.user = *id;
  }
  if (colon < text.size()) {
    const auto id = find_group(group);
    if (!id)
      return failure{errc::invalid_option, "net.unix_owner: there is no group " + group};
    owner.group = *id;
  }
  return owner;
}

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// Whether `path` itself, not what a symbolic link there points to, is the file of `opened`.
bool is_at(const std::string& path, const descriptor& opened) {
  struct stat ours {};
  struct stat there {};
  return ::fstat(opened.get(), &ours) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         is_same_file(ours, there);
}

/// Holds `<path>.lock`, which exists only while a socket is made. Without the lock, one of two
/// processes that start together could remove the socket of the other one, which is bound and does
/// not listen yet.
class making_lock {
public:
  static result<making_lock> take(const std::string& path) {
    const auto name = path + ".lock";
    for (int attempt = 0; attempt < lock_attempts; ++attempt) {
      descriptor file(
          ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
      if (!file)
        return os_refusal(path, "cannot be locked by " + name,
                          "its directory must exist, and telemetryd needs the right to write to "
                          "the directory and to the lock");
      if (::flock(file.get(), LOCK_EX | LOCK_NB) < 0)
        return refusal(path, "is being opened by another process; stop it, or set another path");
      if (is_at(name, file)) // else its last holder has removed it meanwhile
        return making_lock(name, std::move(file));
    }
    return refusal(path, "is being opened by other processes; stop them, or set another path");
  }
  making_lock(making_lock&&) noexcept = default;
  making_lock& operator=(making_lock&&) = delete;
  ~making_lock() {
    if (file_)
      ::unlink(name_.c_str());
  }

private:
  making_lock(std::string name, descriptor file) : name_(std::move(name)), file_(std::move(file)) {}

  std::string name_;
  descriptor file_;
};

descriptor new_socket() {
  return descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

/// @pre path.size() <= unix_path_bytes_max
sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  return address;
}

/// bind() or connect() of `socket` to `path`.
int call_with(int (*call)(int, const sockaddr*, socklen_t), const descriptor& socket,
              const std::string& path) {
  const auto address = address_of(path);
  return call(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

/// Why the socket at `path` may be in use, as an errno; 0 if it is abandoned.
int reason_to_keep(const std::string& path) {
  const auto probe = new_socket();
  if (call_with(::connect, probe, path) == 0 || errno == EAGAIN) // EAGAIN: its queue is full
    return EADDRINUSE;
  return errno == ECONNREFUSED || errno == ENOENT ? 0 : errno;
}

result<void> remove_abandoned(const unix_socket_options& how, const ownership& owner) {
  struct stat found {};
  if (::lstat(how.path.c_str(), &found) < 0) {
    if (errno == ENOENT)
      return {};
    return os_refusal(how.path, "cannot be looked at", "check the rights of its directories");
  }
  if (!S_ISSOCK(found.st_mode))
    return refusal(how.path,
                   "is there already and is no socket; move it away, or set another path");
  if (found.st_uid != how.user && found.st_uid != owner.user)
    return refusal(how.path, "is a socket of user " + std::to_string(found.st_uid) +
                                 "; remove it if that user does not need it, or set another path");
  if (const auto reason = reason_to_keep(how.path); reason == EADDRINUSE)
    return refusal(how.path, "is a socket that another process listens on; stop it, or set another "
                             "path");
  else if (reason != 0)
    return refusal(how.path, "may be in use (" + std::string(std::strerror(reason)) +
                                 "); remove it, or set another path");
  if (::unlink(how.path.c_str()) < 0 && errno != ENOENT)
    return os_refusal(how.path, "is abandoned and cannot be removed",
                      "its directory must be writable for telemetryd");
  return {};
}

class umask_guard {
public:
  explicit umask_guard(mode_t during) : before_(::umask(during)) {}
  ~umask_guard() { ::umask(before_); }
  umask_guard(const umask_guard&) = delete;
  umask_guard& operator=(const umask_guard&) = delete;

private:
  mode_t before_;
};

result<descriptor> bind_at(const std::string& path) {
  auto socket = new_socket();
  const umask_guard during(umask_of_bind);
  if (call_with(::bind, socket, path) < 0)
    return os_refusal(path, "cannot be made",
                      "its directory must exist and be writable for telemetryd");
  return socket;
}

/// @param file an O_PATH descriptor. Its numbers lead to the file whatever the path has become.
result<void> give(const unix_socket_options& how, const ownership& owner, const descriptor& file) {
  if (!how.owner.empty() && ::fchownat(file.get(), "", owner.user, owner.group, AT_EMPTY_PATH) < 0)
    return os_refusal(how.path, "cannot be given to net.unix_owner=" + how.owner,
                      "only root can give a file to another user, and other users only to one of "
                      "their own groups");
  const auto link = "/proc/self/fd/" + std::to_string(file.get()); // fchmod() takes no O_PATH
  if (::chmod(link.c_str(), how.mode) < 0)
    return os_refusal(how.path, "cannot get net.unix_mode", "is /proc there?");
  return {};
}

} // namespace

unix_socket::unix_socket(std::string path, descriptor bound)
    : path_(std::move(path)), socket_(std::move(bound)),
      file_(::open(path_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)) {}

unix_socket::~unix_socket() {
  if (file_ && is_at(path_, file_))
    ::unlink(path_.c_str());
}

result<unix_socket> unix_socket::open(const unix_socket_options& how) {
  if (how.path.size() > unix_path_bytes_max)
    return failure{errc::invalid_option, "net.unix_socket " + how.path + " has more than " +
                                             std::to_string(unix_path_bytes_max) +
                                             " bytes; set a shorter path"};
  const auto owner = read_owner(how.owner);
  if (!owner)
    return owner.error();
  const auto lock = making_lock::take(how.path);
  if (!lock)
    return lock.error();
  if (const auto removed = remove_abandoned(how, *owner); !removed)
    return removed.error();
  auto bound = bind_at(how.path);
  if (!bound)
    return bound.error();
  unix_socket made(how.path, std::move(*bound));
  if (const auto given = give(how, *owner, made.file_); !given)
    return given.error();
  if (::listen(made.socket_.get(), SOMAXCONN) < 0)
    return os_refusal(how.path, "cannot be listened on", "set another path");
  return made;
}

} // namespace telemetry::net
