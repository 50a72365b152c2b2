#include "storage/data_dir/format_file.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace telemetry {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view format_name = "FORMAT";

failure system_failure(const std::string& what, const fs::path& path, int error) {
  const errc code = error == ENOSPC ? errc::no_space : errc::unavailable;
  return {code, what + " " + path.string() + ": " + std::strerror(error)};
}

/// Files that a directory holds before it is opened.
struct survey {
  bool has_format = false;
  bool has_current = false; ///< RocksDB's pointer to its newest manifest
  bool has_journal = false;
  bool has_tables = false;
  bool has_other = false;
};

result<survey> look_into(const fs::path& path) {
  survey found;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name == format_name)
      found.has_format = true;
    else if (name != "lost+found") // a fresh file system has it
      found.has_other = true;
    found.has_current |= name == "CURRENT";
    found.has_journal |= name == "journal";
    found.has_tables |= name.ends_with(".sst");
  }
  if (error)
    return system_failure("cannot list", path, error.value());
  return found;
}

/// Content of FORMAT (docs/formats.md, "FORMAT file").
struct format_line {
  std::uint32_t version = format_file::directory_version;
  std::uint32_t shards = 0;
  std::string store_id;
};

std::string write_line(const format_line& line) {
  std::string text = "telemetryd format " + std::to_string(format_file::directory_version) +
                     " shards " + std::to_string(line.shards);
  if (!line.store_id.empty())
    text += " store " + line.store_id;
  return text + "\n";
}

/// Reads "telemetryd format V shards S[ store ID]\n".
result<format_line> read_format(int file, const fs::path& path) {
  std::array<char, 256> buffer{};
  const ssize_t size = ::pread(file, buffer.data(), buffer.size(), 0);
  if (size < 0)
    return system_failure("cannot read", path, errno);
  std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  const auto number_after = [&text](std::string_view word) {
    std::uint32_t number = 0;
    if (text.starts_with(word))
      text.remove_prefix(word.size());
    else
      return number;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
    return number;
  };
  if (!text.starts_with("telemetryd format "))
    return failure{errc::version, path.string() + " is not a telemetryd database's FORMAT file"};
  const std::uint32_t version = number_after("telemetryd format ");
  if (version > format_file::directory_version)
    return failure{errc::version, path.string() + " has format " + std::to_string(version) +
                                      "; this program knows only formats up to " +
                                      std::to_string(format_file::directory_version)};
  if (version != 0 && version < format_file::oldest_version)
    return failure{
        errc::version,
        path.string() + " has format " + std::to_string(version) +
            ", which this program cannot read; name a new directory, and copy the events "
            "over HTTP: GET them from the program that wrote them, POST them to this one"};
  format_line line;
  line.version = version;
  line.shards = number_after(" shards ");
  constexpr std::string_view store = " store ";
  if (text.starts_with(store) && text.ends_with('\n'))
    line.store_id = text.substr(store.size(), text.size() - store.size() - 1);
  else if (text != "\n")
    line.shards = 0;
  if (version == 0 || line.shards == 0 || line.shards > format_file::shards_max)
    return failure{errc::corrupt,
                   path.string() + " is damaged: it should read \"telemetryd format " +
                       std::to_string(format_file::directory_version) + " shards N\""};
  return line;
}

/// Refuses a directory whose journal does not belong to the store `store_id`.
result<void> check_store(const format_line& line, const std::string& store_id,
                         const fs::path& path) {
  if (line.store_id == store_id)
    return {};
  const auto whose = [](const std::string& id) {
    return id.empty() ? std::string("the store in this directory") : "the store " + id;
  };
  return failure{errc::version, path.string() + " holds the journal of " + whose(line.store_id) +
                                    ", not of " + whose(store_id) +
                                    "; name the directory that goes with it, or a new one"};
}

/// The directories above `path`, the nearest first.
std::vector<fs::path> ancestors(const fs::path& path) {
  std::vector<fs::path> all;
  for (fs::path at = fs::absolute(path); at.has_relative_path(); at = at.parent_path())
    all.push_back(at.parent_path());
  return all;
}

/// Makes `path` and the directories above it that are missing.
/// @returns how many it made.
result<std::size_t> make_directories(rocksdb::FileSystem& files, const fs::path& path) {
  std::vector<fs::path> missing;
  std::error_code error;
  for (fs::path at = fs::absolute(path); !fs::exists(at, error) && at.has_relative_path();
       at = at.parent_path())
    missing.push_back(at);
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
    const auto made = files.CreateDirIfMissing(at->string(), rocksdb::IOOptions(), nullptr);
    if (!made.ok())
      return failure{made.IsNoSpace() ? errc::no_space : errc::unavailable,
                     "cannot create " + path.string() + ": " + made.ToString()};
  }
  return missing.size();
}

/// Makes the names of `path` and of all directories above it durable. An earlier start may have
/// made some of them and been killed, so all are synced up to the first that this user may not
/// open: it cannot have made anything there.
/// @param made so many of the names are new, and have to be synced.
result<void> sync_ancestors(rocksdb::FileSystem& files, const fs::path& path, std::size_t made) {
  std::size_t synced = 0;
  for (const fs::path& above : ancestors(path)) {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    auto status = files.NewDirectory(above.string(), rocksdb::IOOptions(), &directory, nullptr);
    if (status.ok())
      status = directory->Fsync(rocksdb::IOOptions(), nullptr);
    if (!status.ok() && synced < made)
      return failure{errc::unavailable, "cannot sync " + above.string() + ": " + status.ToString()};
    if (!status.ok())
      return {};
    ++synced;
  }
  return {};
}

/// Writes FORMAT and syncs it, and its name in the directory. @pre FORMAT is locked, and empty or
/// of an older format. That line is as long, and of one sector, so a crash leaves one of the two.
result<void> write_format(int file, const fs::path& path, const format_line& line) {
  const std::string text = write_line(line);
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = ::pwrite(file, text.data(), text.size(), 0) == ssize_t(text.size()) &&
                      ::fsync(file) == 0 && directory >= 0 && ::fsync(directory) == 0;
  const int error = errno;
  if (directory >= 0)
    ::close(directory);
  if (!synced)
    return system_failure("cannot write FORMAT in", path, error);
  return {};
}

/// Refuses `path` unless it is a database or may become one.
result<void> check_owner(const fs::path& path, const survey& found) {
  if (!found.has_format && found.has_other)
    return failure{errc::version, path.string() + " is not empty and holds no telemetryd database; "
                                                  "name an empty or a new directory"};
  if (found.has_format && !found.has_current && found.has_tables)
    return failure{errc::corrupt, path.string() + " has lost its file CURRENT"};
  return {};
}

} // namespace

result<format_file> format_file::open(const fs::path& path, std::uint32_t shards,
                                      const std::string& store_id, rocksdb::FileSystem& files) {
  if (shards == 0 || shards > shards_max)
    return failure{errc::invalid_option, "shards must be 1 to " + std::to_string(shards_max)};
  std::error_code error;
  const bool exists = fs::exists(path, error);
  if (exists && !fs::is_directory(path, error))
    return failure{errc::invalid_option, path.string() + " is not a directory"};
  const auto made = make_directories(files, path);
  if (!made)
    return made.error();
  const result<survey> found = look_into(path);
  if (!found)
    return found.error();
  if (result<void> ours = check_owner(path, *found); !ours)
    return ours.error();

  const fs::path format = path / format_name;
  const int file = ::open(format.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0)
    return system_failure("cannot open", format, errno);
  format_file opened(file, shards); // closes the file on every return
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return failure{errc::locked, path.string() + " is in use by another process"};
    return system_failure("cannot lock", format, errno);
  }
  // An empty FORMAT was made just now, or by a process that was killed before it wrote the line.
  const bool is_new =
      !found->has_current && !found->has_journal && fs::file_size(format, error) == 0;
  if (is_new) {
    if (result<void> synced = sync_ancestors(files, path, *made); !synced)
      return synced.error();
    if (result<void> written = write_format(file, path, {directory_version, shards, store_id});
        !written)
      return written.error();
  }
  const result<format_line> stored = read_format(file, format);
  if (!stored)
    return stored.error();
  if (result<void> ours = check_store(*stored, store_id, path); !ours)
    return ours.error();
  if (stored->version < directory_version)
    if (result<void> written =
            write_format(file, path, {directory_version, stored->shards, stored->store_id});
        !written)
      return written.error();
  opened.shards_ = stored->shards;
  return opened;
}

format_file::format_file(format_file&& other) noexcept
    : lock_(std::exchange(other.lock_, -1)), shards_(other.shards_) {}

format_file& format_file::operator=(format_file&& other) noexcept {
  std::swap(lock_, other.lock_);
  std::swap(shards_, other.shards_);
  return *this;
}

format_file::~format_file() {
  if (lock_ >= 0)
    ::close(lock_);
}

} // namespace telemetry
