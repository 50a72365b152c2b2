#include "tests/support/faulty_file_system.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <set>
#include <utility>

namespace telemetry::test {
namespace {

constexpr std::size_t page_bytes = 4096;

/// The bytes of the file `name` at `offset`; fewer at its end.
std::string read_at(const std::string& name, std::uint64_t offset, std::uint64_t bytes) {
  std::string content(bytes, '\0');
  std::ifstream file(name, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(content.data(), static_cast<std::streamsize>(bytes));
  content.resize(static_cast<std::size_t>(file.gcount()));
  return content;
}

} // namespace

using rocksdb::DirFsyncOptions;
using rocksdb::FileOptions;
using rocksdb::FSDirectory;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class faulty_file final : public rocksdb::FSWritableFileOwnerWrapper {
public:
  faulty_file(std::unique_ptr<FSWritableFile> file, std::string name, faulty_file_system& files)
      : FSWritableFileOwnerWrapper(std::move(file)), name_(std::move(name)), files_(files) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* dbg) override {
    const auto [status, torn] = files_.decide(file_operation::write, name_);
    if (!status.ok() && !torn)
      return status;
    const Slice part(data.data(), torn ? data.size() / 2 : data.size());
    const IOStatus appended = target()->Append(part, options, dbg);
    files_.wrote(name_, part.size());
    return status.ok() ? appended : status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* dbg) override {
    return Append(data, options, dbg);
  }
  IOStatus PositionedAppend(const Slice& data, std::uint64_t offset, const IOOptions& options,
                            IODebugContext* dbg) override {
    const auto [status, torn] = files_.decide(file_operation::write, name_);
    if (!status.ok() && !torn)
      return status;
    // Half of it rounded down to pages, as direct I/O wants; what is less than two is lost.
    const Slice part(data.data(), torn ? data.size() / 2 / page_bytes * page_bytes : data.size());
    files_.writes_over(name_, offset, part.size());
    const IOStatus written =
        part.empty() ? IOStatus::OK() : target()->PositionedAppend(part, offset, options, dbg);
    return status.ok() ? written : status;
  }
  IOStatus PositionedAppend(const Slice& data, std::uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo&, IODebugContext* dbg) override {
    return PositionedAppend(data, offset, options, dbg);
  }
  IOStatus Allocate(std::uint64_t offset, std::uint64_t bytes, const IOOptions& options,
                    IODebugContext* dbg) override {
    if (auto [status, torn] = files_.decide(file_operation::write, name_); !status.ok())
      return status;
    files_.writes_over(name_, offset, bytes);
    return target()->Allocate(offset, bytes, options, dbg);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* dbg) override {
    if (auto [status, torn] = files_.decide(file_operation::sync, name_); !status.ok())
      return status;
    files_.synced(name_);
    return target()->Flush(options, dbg); // the disk itself need not be waited for
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
    return Sync(options, dbg);
  }

private:
  std::string name_;
  faulty_file_system& files_;
};

class faulty_directory final : public rocksdb::FSDirectoryWrapper {
public:
  faulty_directory(std::unique_ptr<FSDirectory> directory, std::string name,
                   faulty_file_system& files)
      : FSDirectoryWrapper(std::move(directory)), name_(std::move(name)), files_(files) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return sync(); }
  IOStatus FsyncWithDirOptions(const IOOptions&, IODebugContext*, const DirFsyncOptions&) override {
    return sync();
  }

private:
  IOStatus sync() {
    if (auto [status, torn] = files_.decide(file_operation::sync, name_); !status.ok())
      return status;
    files_.synced_directory(name_);
    return IOStatus::OK();
  }

  std::string name_;
  faulty_file_system& files_;
};

faulty_file_system::faulty_file_system() : FileSystemWrapper(FileSystem::Default()) {}

void faulty_file_system::fail(file_operation which, std::string suffix, std::uint64_t pass,
                              IOStatus error, bool torn) {
  const std::scoped_lock lock(mutex_);
  fault_ = fault{which, std::move(suffix), pass, std::move(error), torn};
  failures_ = 0;
}

void faulty_file_system::heal() {
  const std::scoped_lock lock(mutex_);
  fault_.reset();
}

std::uint64_t faulty_file_system::failures() const {
  const std::scoped_lock lock(mutex_);
  return failures_;
}

void faulty_file_system::set_free_bytes(std::optional<std::uint64_t> bytes) {
  const std::scoped_lock lock(mutex_);
  free_bytes_ = bytes;
}

std::uint64_t faulty_file_system::space_questions() const {
  const std::scoped_lock lock(mutex_);
  return space_questions_;
}

faulty_file_system::operation_counts faulty_file_system::counts() const {
  const std::scoped_lock lock(mutex_);
  return counts_;
}

void faulty_file_system::crash_after(std::uint64_t operations) {
  const std::scoped_lock lock(mutex_);
  left_ = operations;
}

bool faulty_file_system::crashed() const {
  const std::scoped_lock lock(mutex_);
  return left_ == 0;
}

void faulty_file_system::restart_process() {
  const std::scoped_lock lock(mutex_);
  left_.reset();
}

void faulty_file_system::lose_unsynced(std::uint64_t kept_tail_bytes, std::uint64_t seed) {
  const std::scoped_lock lock(mutex_);
  for (const auto& [name, file] : names(files_))
    if (!std::filesystem::exists(name))
      forget(name);
  std::mt19937_64 random(seed);
  for (const name_change& change : unsynced_)
    if (seed != 0 && random() % 2 == 0)
      persist(change);
  unsynced_.clear();
  for (const auto& [name, file] : files_)
    if (!file->is_directory) {
      keep(*file, name);
      std::filesystem::remove(name);
    } else if (!durable_.contains(name)) {
      std::filesystem::remove_all(name);
    }
  for (const auto& [name, file] : durable_)
    if (!file->is_directory && std::filesystem::exists(std::filesystem::path(name).parent_path()))
      std::filesystem::create_hard_link(kept_.path / file->kept_as, name);
  std::set<file_ptr> done; // one may have several names
  for (const auto& [name, file] : durable_)
    if (!file->is_directory && std::filesystem::exists(name) && done.insert(file).second)
      file->lose_unsynced(name, kept_tail_bytes);
  files_ = durable_;
}

void faulty_file_system::file_state::lose_unsynced(const std::string& name,
                                                   std::uint64_t kept_tail_bytes) const {
  {
    std::fstream file(name, std::ios::binary | std::ios::in | std::ios::out);
    for (auto it = overwritten.rbegin(); it != overwritten.rend(); ++it) {
      const std::uint64_t kept = std::min<std::uint64_t>(kept_tail_bytes, it->before.size());
      file.seekp(static_cast<std::streamoff>(it->offset + kept));
      file.write(it->before.data() + kept, static_cast<std::streamsize>(it->before.size() - kept));
    }
  }
  std::filesystem::resize_file(name, std::min(written, synced + kept_tail_bytes));
}

faulty_file_system::decision faulty_file_system::decide(std::optional<file_operation> which,
                                                        const std::string& name) {
  const std::scoped_lock lock(mutex_);
  if (left_ == 0)
    return {IOStatus::IOError("the machine is off")};
  if (left_)
    --*left_;
  counts_.writes += which == file_operation::write ? 1 : 0;
  counts_.syncs += which == file_operation::sync ? 1 : 0;
  if (!fault_ || which != fault_->which || !name.ends_with(fault_->suffix))
    return {};
  if (fault_->pass > 0) {
    --fault_->pass;
    return {};
  }
  ++failures_;
  return {fault_->error, fault_->torn};
}

void faulty_file_system::wrote(const std::string& name, std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  if (const file_ptr file = find(name))
    file->written += bytes;
  counts_.written_bytes += bytes;
}

void faulty_file_system::writes_over(const std::string& name, std::uint64_t offset,
                                     std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  if (const file_ptr file = find(name)) {
    file->overwritten.push_back({offset, read_at(name, offset, bytes)});
    file->written = std::max(file->written, offset + bytes);
  }
  counts_.written_bytes += bytes;
}

void faulty_file_system::synced(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  if (const file_ptr file = find(name)) {
    file->synced = file->written;
    file->overwritten.clear();
  }
}

void faulty_file_system::synced_directory(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  const auto is_in = [&name](const std::string& file) {
    return !file.empty() && std::filesystem::path(file).parent_path() == name;
  };
  std::vector<name_change> left;
  for (name_change& change : unsynced_)
    if (is_in(change.from) || is_in(change.to))
      persist(change);
    else
      left.push_back(std::move(change));
  unsynced_ = std::move(left);
}

faulty_file_system::file_ptr faulty_file_system::find(const std::string& name) {
  const auto it = files_.find(name);
  const bool is_there = std::filesystem::is_regular_file(name);
  if (it != files_.end() && is_there)
    return it->second;
  if (it != files_.end()) // removed, but not through us: for good
    forget(name);
  if (!is_there)
    return nullptr;
  const auto file = std::make_shared<file_state>();
  file->written = file->synced = std::filesystem::file_size(name);
  files_[name] = durable_[name] = file;
  return file;
}

IOStatus faulty_file_system::change_name(name_change change,
                                         const std::function<IOStatus()>& operation) {
  if (change.file && !change.from.empty())
    keep(*change.file, change.from);
  if (const file_ptr before = change.to.empty() ? nullptr : find(change.to))
    keep(*before, change.to);
  IOStatus status = operation();
  if (!status.ok() || !change.file)
    return status;
  files_.erase(change.from);
  if (!change.to.empty())
    files_[change.to] = change.file;
  unsynced_.push_back(std::move(change));
  return status;
}

void faulty_file_system::forget(const std::string& name) {
  const file_ptr file = files_[name];
  files_.erase(name);
  if (const auto it = durable_.find(name); it != durable_.end() && it->second == file)
    durable_.erase(it);
  std::erase_if(unsynced_, [&](const auto& one) { return one.file == file && one.to == name; });
}

void faulty_file_system::keep(file_state& file, const std::string& name) {
  if (!file.kept_as.empty() || file.is_directory)
    return;
  file.kept_as = std::to_string(++kept_.count);
  std::filesystem::create_hard_link(name, kept_.path / file.kept_as);
}

void faulty_file_system::persist(const name_change& change) {
  // A rename takes the file from the names that it had before this one, if they are still there.
  if (!change.from.empty())
    std::erase_if(durable_, [&](const auto& one) {
      const auto now = files_.find(one.first);
      return one.second == change.file && (now == files_.end() || now->second != change.file);
    });
  if (!change.to.empty())
    durable_[change.to] = change.file;
}

faulty_file_system::kept_files::kept_files() {
  std::string name = (std::filesystem::temp_directory_path() / "telemetry.XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    std::abort();
  path = name;
}

faulty_file_system::kept_files::~kept_files() { std::filesystem::remove_all(path); }

IOStatus faulty_file_system::NewWritableFile(const std::string& name, const FileOptions& options,
                                             std::unique_ptr<FSWritableFile>* file,
                                             IODebugContext* dbg) {
  if (auto [status, torn] = decide(std::nullopt, name); !status.ok())
    return status;
  {
    const std::scoped_lock lock(mutex_);
    if (const file_ptr before = find(name)) {
      keep(*before, name);
      std::filesystem::remove(name); // or the new one would be the same file
    }
  }
  const IOStatus status = target()->NewWritableFile(name, options, file, dbg);
  if (status.ok()) {
    *file = std::make_unique<faulty_file>(std::move(*file), name, *this);
    const std::scoped_lock lock(mutex_);
    files_.erase(name);
    const auto made = std::make_shared<file_state>();
    files_[name] = made;
    unsynced_.push_back({"", name, made});
  }
  return status;
}

IOStatus faulty_file_system::ReopenWritableFile(const std::string& name, const FileOptions& options,
                                                std::unique_ptr<FSWritableFile>* file,
                                                IODebugContext* dbg) {
  const IOStatus status = target()->ReopenWritableFile(name, options, file, dbg);
  if (status.ok())
    *file = std::make_unique<faulty_file>(std::move(*file), name, *this);
  return status;
}

IOStatus faulty_file_system::ReuseWritableFile(const std::string& name, const std::string& old_name,
                                               const FileOptions& options,
                                               std::unique_ptr<FSWritableFile>* file,
                                               IODebugContext* dbg) {
  if (name != old_name)
    if (auto [status, torn] = decide(std::nullopt, name); !status.ok())
      return status;
  const std::scoped_lock lock(mutex_);
  const auto reuse = [&] {
    return target()->ReuseWritableFile(name, old_name, options, file, dbg);
  };
  const file_ptr reused = find(old_name);
  const IOStatus status = name == old_name ? reuse() : change_name({old_name, name, reused}, reuse);
  if (status.ok())
    *file = std::make_unique<faulty_file>(std::move(*file), name, *this);
  return status;
}

IOStatus faulty_file_system::NewDirectory(const std::string& name, const IOOptions& options,
                                          std::unique_ptr<FSDirectory>* directory,
                                          IODebugContext* dbg) {
  const IOStatus status = target()->NewDirectory(name, options, directory, dbg);
  if (status.ok())
    *directory = std::make_unique<faulty_directory>(std::move(*directory), name, *this);
  return status;
}

IOStatus faulty_file_system::CreateDir(const std::string& name, const IOOptions& options,
                                       IODebugContext* dbg) {
  if (auto [status, torn] = decide(std::nullopt, name); !status.ok())
    return status;
  return made_directory(name, target()->CreateDir(name, options, dbg));
}

IOStatus faulty_file_system::CreateDirIfMissing(const std::string& name, const IOOptions& options,
                                                IODebugContext* dbg) {
  if (std::filesystem::is_directory(name))
    return IOStatus::OK();
  return CreateDir(name, options, dbg);
}

IOStatus faulty_file_system::made_directory(const std::string& name, IOStatus status) {
  if (!status.ok())
    return status;
  const std::scoped_lock lock(mutex_);
  const auto made = std::make_shared<file_state>();
  made->is_directory = true;
  files_[name] = made;
  unsynced_.push_back({"", name, made});
  return status;
}

IOStatus faulty_file_system::DeleteFile(const std::string& name, const IOOptions& options,
                                        IODebugContext* dbg) {
  if (auto [status, torn] = decide(std::nullopt, name); !status.ok())
    return status;
  const std::scoped_lock lock(mutex_);
  return change_name({name, "", find(name)},
                     [&] { return target()->DeleteFile(name, options, dbg); });
}

IOStatus faulty_file_system::RenameFile(const std::string& from, const std::string& to,
                                        const IOOptions& options, IODebugContext* dbg) {
  if (auto [status, torn] = decide(std::nullopt, to); !status.ok())
    return status;
  const std::scoped_lock lock(mutex_);
  return change_name({from, to, find(from)},
                     [&] { return target()->RenameFile(from, to, options, dbg); });
}

IOStatus faulty_file_system::LinkFile(const std::string& from, const std::string& to,
                                      const IOOptions& options, IODebugContext* dbg) {
  if (auto [status, torn] = decide(std::nullopt, to); !status.ok())
    return status;
  const std::scoped_lock lock(mutex_);
  return change_name({"", to, find(from)},
                     [&] { return target()->LinkFile(from, to, options, dbg); });
}

IOStatus faulty_file_system::GetFreeSpace(const std::string& path, const IOOptions& options,
                                          std::uint64_t* bytes, IODebugContext* dbg) {
  {
    const std::scoped_lock lock(mutex_);
    ++space_questions_;
    if (free_bytes_) {
      *bytes = *free_bytes_;
      return IOStatus::OK();
    }
  }
  return target()->GetFreeSpace(path, options, bytes, dbg);
}

} // namespace telemetry::test
