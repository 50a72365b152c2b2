#include "storage/data_dir/failed_syncs.hpp"

#include <utility>

namespace telemetry {
namespace {

using rocksdb::DirFsyncOptions;
using rocksdb::FileOptions;
using rocksdb::FSDirectory;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

/// Returns `status`. If it is a failure, adds it to `record`.
IOStatus watched(IOStatus status, failed_syncs& record, const std::string& file) {
  if (!status.ok())
    record.failed(file, status.ToString());
  return status;
}

class watched_file final : public rocksdb::FSWritableFileOwnerWrapper {
public:
  watched_file(std::unique_ptr<FSWritableFile> file, std::string name,
               std::shared_ptr<failed_syncs> record)
      : FSWritableFileOwnerWrapper(std::move(file)), name_(std::move(name)),
        record_(std::move(record)) {}

  IOStatus Sync(const IOOptions& options, IODebugContext* dbg) override {
    return watched(target()->Sync(options, dbg), *record_, name_);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
    return watched(target()->Fsync(options, dbg), *record_, name_);
  }
  IOStatus RangeSync(std::uint64_t offset, std::uint64_t bytes, const IOOptions& options,
                     IODebugContext* dbg) override {
    return watched(target()->RangeSync(offset, bytes, options, dbg), *record_, name_);
  }

private:
  std::string name_;
  std::shared_ptr<failed_syncs> record_;
};

class watched_directory final : public rocksdb::FSDirectoryWrapper {
public:
  watched_directory(std::unique_ptr<FSDirectory> directory, std::string name,
                    std::shared_ptr<failed_syncs> record)
      : FSDirectoryWrapper(std::move(directory)), name_(std::move(name)),
        record_(std::move(record)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
    return watched(FSDirectoryWrapper::Fsync(options, dbg), *record_, name_);
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* dbg,
                               const DirFsyncOptions& how) override {
    return watched(FSDirectoryWrapper::FsyncWithDirOptions(options, dbg, how), *record_, name_);
  }

private:
  std::string name_;
  std::shared_ptr<failed_syncs> record_;
};

class watching_file_system final : public rocksdb::FileSystemWrapper {
public:
  watching_file_system(const std::shared_ptr<rocksdb::FileSystem>& base,
                       std::shared_ptr<failed_syncs> record)
      : FileSystemWrapper(base), record_(std::move(record)) {}

  const char* Name() const override { return "telemetryd sync watch"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<FSWritableFile>* file, IODebugContext* dbg) override {
    return wrap(target()->NewWritableFile(name, options, file, dbg), name, file);
  }
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions& options,
                              std::unique_ptr<FSWritableFile>* file, IODebugContext* dbg) override {
    return wrap(target()->ReopenWritableFile(name, options, file, dbg), name, file);
  }
  IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                             const FileOptions& options, std::unique_ptr<FSWritableFile>* file,
                             IODebugContext* dbg) override {
    return wrap(target()->ReuseWritableFile(name, old_name, options, file, dbg), name, file);
  }
  IOStatus NewDirectory(const std::string& name, const IOOptions& options,
                        std::unique_ptr<FSDirectory>* directory, IODebugContext* dbg) override {
    IOStatus status = target()->NewDirectory(name, options, directory, dbg);
    if (status.ok())
      *directory = std::make_unique<watched_directory>(std::move(*directory), name, record_);
    return status;
  }

private:
  IOStatus wrap(IOStatus status, const std::string& name, std::unique_ptr<FSWritableFile>* file) {
    if (status.ok())
      *file = std::make_unique<watched_file>(std::move(*file), name, record_);
    return status;
  }

  std::shared_ptr<failed_syncs> record_;
};

} // namespace

void failed_syncs::failed(const std::string& file, const std::string& why) {
  const std::scoped_lock lock(mutex_);
  if (any_.load(std::memory_order_relaxed))
    return;
  text_ = file + ": " + why;
  any_.store(true, std::memory_order_release);
}

std::string failed_syncs::text() const {
  const std::scoped_lock lock(mutex_);
  return text_;
}

std::shared_ptr<rocksdb::FileSystem> watch_syncs(const std::shared_ptr<rocksdb::FileSystem>& base,
                                                 std::shared_ptr<failed_syncs> record) {
  return std::make_shared<watching_file_system>(base, std::move(record));
}

} // namespace telemetry
