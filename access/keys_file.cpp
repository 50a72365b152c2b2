#include "access/keys_file.hpp"

#include "access/judged_file.hpp"
#include "access/key_line.hpp"
#include "core/descriptor.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace telemetry::access {

namespace {

descriptor open_file(const std::string& path, int flags, mode_t mode = 0) {
  return descriptor(::open(path.c_str(), flags | O_CLOEXEC, mode));
}

failure os_failure(const std::string& what, const std::string& path) {
  return {errc::unavailable, what + ' ' + path + ": " + std::strerror(errno)};
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto put = ::write(descriptor, text.data(), text.size());
    if (put < 0 && errno != EINTR)
      return false;
    text.remove_prefix(put < 0 ? 0 : static_cast<std::size_t>(put));
  }
  return true;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

/// Where the file behind symbolic links is, because a rename would replace the link.
result<std::string> real_path(const std::string& path) {
  char* const found = ::realpath(path.c_str(), nullptr);
  std::string out = found != nullptr ? found : path;
  std::free(found);
  struct stat link {};
  if (found == nullptr && ::lstat(path.c_str(), &link) == 0)
    return failure{errc::unavailable, path + " is a link to a file that does not exist"};
  return out;
}

/// Writes `text` to `made`, with owner and mode of `path`, and renames it to `path`.
result<void> write_and_rename(const std::string& made, const std::string& path,
                              std::string_view text) {
  const auto file = open_file(made, O_WRONLY | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
  if (!file)
    return os_failure("cannot create", made);
  struct stat old {};
  if (::stat(path.c_str(), &old) == 0 && (::fchown(file.get(), old.st_uid, old.st_gid) < 0 ||
                                          ::fchmod(file.get(), old.st_mode & 07777) < 0))
    return os_failure("cannot set owner and mode of", made);
  if (!write_all(file.get(), text) || ::fsync(file.get()) < 0)
    return os_failure("cannot write", made);
  if (::rename(made.c_str(), path.c_str()) < 0)
    return os_failure("cannot replace", path);
  return {};
}

/// Replaces `path` by a file with `text`: all of it, or nothing.
result<void> replace(const std::string& path, std::string_view text) {
  const auto made = path + ".new";
  ::unlink(made.c_str()); // of a command that was killed; the lock keeps others away
  if (auto done = write_and_rename(made, path, text); !done) {
    ::unlink(made.c_str());
    return done;
  }
  const auto folder = open_file(folder_of(path), O_RDONLY | O_DIRECTORY);
  if (!folder || ::fsync(folder.get()) < 0)
    return os_failure("cannot sync", folder_of(path));
  return {};
}

failure named(const std::string& path, const failure& why) {
  return {why.code, path + ", " + why.text};
}

} // namespace

result<key_set> read_keys_file(const std::string& path) {
  const auto text = read_judged_file(path, keys_file_bytes_max, fault_of_rights_file);
  if (!text)
    return text.error();
  auto keys = key_set::read(*text);
  if (!keys)
    return named(path, keys.error());
  return keys;
}

keys_edit::keys_edit(std::string_view text) {
  while (!text.empty()) {
    const auto one = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    auto read = read_key_line(one);
    lines_.push_back(
        {std::string(one), read ? std::optional(std::move(*read)) : std::nullopt, false});
  }
}

bool keys_edit::has_keys() const {
  return !std::all_of(lines_.begin(), lines_.end(),
                      [](const line& each) { return !each.one && is_blank_line(each.text); });
}

key* keys_edit::find(std::string_view id) {
  const auto found = std::find_if(lines_.begin(), lines_.end(), [id](const line& each) {
    return each.one && each.one->id == id;
  });
  if (found == lines_.end())
    return nullptr;
  found->may_differ = true;
  return &*found->one;
}

void keys_edit::append(key one) { lines_.push_back({"", std::move(one), true}); }

std::size_t keys_edit::remove(const std::function<bool(const key&)>& fits) {
  auto left = std::count_if(lines_.begin(), lines_.end(),
                            [](const line& each) { return each.one.has_value(); });
  return std::erase_if(lines_, [&](const line& each) {
    return each.one && fits(*each.one) && left > 1 && left-- > 1;
  });
}

std::string keys_edit::text() const {
  std::string out;
  for (const auto& each : lines_) {
    const auto before = each.may_differ ? read_key_line(each.text) : result<key>(failure{});
    const bool is_changed = each.may_differ && (!before || *before != *each.one);
    out += is_changed ? write_key_line(*each.one) : each.text;
    out += '\n';
  }
  return out;
}

result<void> edit_keys_file(const std::string& link,
                            const std::function<result<void>(keys_edit&)>& change) {
  const auto real = real_path(link);
  if (!real)
    return real.error();
  const auto& path = *real;
  const auto lock = open_file(path + ".lock", O_RDWR | O_CREAT, S_IRUSR | S_IWUSR);
  if (!lock || ::flock(lock.get(), LOCK_EX) < 0)
    return os_failure("cannot lock", path + ".lock");
  std::string text;
  if (::access(path.c_str(), F_OK) == 0) {
    auto old = read_judged_file(path, keys_file_bytes_max, fault_of_rights_file);
    if (!old)
      return old.error();
    text = std::move(*old);
  }
  keys_edit edit(text);
  if (const auto valid = key_set::read(text); !valid && edit.has_keys())
    return named(path, valid.error());
  if (auto changed = change(edit); !changed)
    return changed;
  const auto made = edit.text();
  if (const auto valid = key_set::read(made); !valid)
    return named(path, valid.error());
  return replace(path, made);
}

} // namespace telemetry::access
