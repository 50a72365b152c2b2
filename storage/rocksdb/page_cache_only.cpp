#include "storage/rocksdb/page_cache_only.hpp"

#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

namespace telemetry::rocks {
namespace {

using rocksdb::FileOptions;
using rocksdb::FSRandomAccessFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

/// Reads that this thread may still make without waiting; nullopt if its reads may wait.
thread_local std::optional<std::size_t> reads_left;

/// A table. It has a descriptor of its own, because RocksDB's file does not give its descriptor.
class page_cache_file final : public rocksdb::FSRandomAccessFileOwnerWrapper {
public:
  page_cache_file(std::unique_ptr<FSRandomAccessFile> file, int descriptor)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), descriptor_(descriptor) {}
  ~page_cache_file() override { ::close(descriptor_); }

  IOStatus Read(std::uint64_t offset, std::size_t bytes, const IOOptions& options, Slice* found,
                char* scratch, IODebugContext* dbg) const override {
    if (!reads_left)
      return target()->Read(offset, bytes, options, found, scratch, dbg);
    *found = Slice();
    if (*reads_left == 0)
      return IOStatus::Busy();
    --*reads_left;
    const iovec to{scratch, bytes};
    const ssize_t got = ::preadv2(descriptor_, &to, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    if (got < 0 || static_cast<std::size_t>(got) != bytes)
      return IOStatus::Busy(); // also if the page cache has only a part of the block
    *found = Slice(scratch, bytes);
    return IOStatus::OK();
  }
  IOStatus Prefetch(std::uint64_t offset, std::size_t bytes, const IOOptions& options,
                    IODebugContext* dbg) override {
    if (reads_left)
      return IOStatus::NotSupported();
    return target()->Prefetch(offset, bytes, options, dbg);
  }

private:
  int descriptor_;
};

class page_cache_file_system final : public rocksdb::FileSystemWrapper {
public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "telemetryd page cache"; }

  IOStatus NewRandomAccessFile(const std::string& name, const FileOptions& options,
                               std::unique_ptr<FSRandomAccessFile>* file,
                               IODebugContext* dbg) override {
    IOStatus status = target()->NewRandomAccessFile(name, options, file, dbg);
    if (!status.ok() || options.use_direct_reads)
      return status;
    const int descriptor = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0)
      *file = std::make_unique<page_cache_file>(std::move(*file), descriptor);
    return status;
  }
};

} // namespace

page_cache_only::page_cache_only(std::size_t reads_max) noexcept { reads_left = reads_max; }
page_cache_only::~page_cache_only() { reads_left.reset(); }

std::shared_ptr<rocksdb::FileSystem>
page_cache_files(const std::shared_ptr<rocksdb::FileSystem>& base) {
  return std::make_shared<page_cache_file_system>(base);
}

} // namespace telemetry::rocks
