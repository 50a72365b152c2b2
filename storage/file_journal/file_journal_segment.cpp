#include "storage/file_journal/file_journal_segment.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

namespace telemetry::journal_files {
namespace {

using rocksdb::FileOptions;
using rocksdb::FSWritableFile;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

/// Opens a file with direct I/O, or through the page cache if the file system refuses direct I/O
/// (as some network file systems do).
template <class Open>
IOStatus open_direct_or_cached(Open open) {
  FileOptions options;
  options.fallocate_with_keep_size = false; // the size must not change with every write
  options.use_direct_writes = true;
  if (open(options).ok())
    return {};
  options.use_direct_writes = false;
  return open(options);
}

/// Whether the disk or the quota of this user is full. RocksDB has a code only for a full disk.
bool is_full(const IOStatus& status) {
  return status.IsNoSpace() || status.ToString().find(std::strerror(EDQUOT)) != std::string::npos;
}

/// Reserves `size` bytes for `file`. Writes zeros if the file system cannot reserve room.
IOStatus allocate(FSWritableFile& file, std::uint64_t size) {
  IOStatus status = file.Allocate(0, size, IOOptions(), nullptr);
  if (status.ok() || is_full(status))
    return status;
  constexpr std::uint64_t piece = 1u << 20;
  page_buffer zeros;
  std::memset(zeros.reserve(piece), 0, piece);
  for (std::uint64_t at = 0; at < size; at += piece) {
    const rocksdb::Slice bytes(zeros.reserve(piece), std::min(piece, size - at));
    if (IOStatus written = file.PositionedAppend(bytes, at, IOOptions(), nullptr); !written.ok())
      return written;
  }
  return {};
}

/// Writes the head of a segment to `path` and syncs the file.
IOStatus prepare(rocksdb::FileSystem& files, const std::string& path, bool is_new,
                 const segment_head& head) {
  std::unique_ptr<FSWritableFile> file;
  IOStatus status = open_direct_or_cached([&](const FileOptions& options) {
    return is_new ? files.NewWritableFile(path, options, &file, nullptr)
                  : files.ReuseWritableFile(path, path, options, &file, nullptr);
  });
  if (status.ok() && is_new)
    status = allocate(*file, head.size);
  if (!status.ok())
    return status;
  const std::string bytes = write_segment_head(head);
  const std::uint64_t padded = round_to_pages(bytes.size());
  page_buffer pages;
  std::memset(pages.reserve(padded), 0, padded);
  std::memcpy(pages.reserve(padded), bytes.data(), bytes.size());
  const rocksdb::Slice all(pages.reserve(padded), padded);
  status = file->PositionedAppend(all, 0, IOOptions(), nullptr);
  if (status.ok())
    status = file->Sync(IOOptions(), nullptr);
  const IOStatus closed = file->Close(IOOptions(), nullptr);
  return status.ok() ? closed : status;
}

} // namespace

IOStatus sync_directory(rocksdb::FileSystem& files, const std::string& dir) {
  std::unique_ptr<rocksdb::FSDirectory> opened;
  IOStatus status = files.NewDirectory(dir, IOOptions(), &opened, nullptr);
  return status.ok() ? opened->Fsync(IOOptions(), nullptr) : status;
}

char* page_buffer::reserve(std::uint64_t bytes) {
  if (bytes > bytes_) {
    const std::uint64_t rounded = round_to_pages(bytes);
    memory_.reset();
    bytes_ = 0;
    memory_.reset(static_cast<char*>(std::aligned_alloc(journal_page_bytes, rounded)));
    if (!memory_)
      throw std::bad_alloc();
    bytes_ = rounded;
  }
  return memory_.get();
}

void page_buffer::shrink(std::uint64_t bytes) noexcept {
  if (bytes_ <= bytes)
    return;
  memory_.reset();
  bytes_ = 0;
}

std::string journal_file_name(std::uint64_t number, std::string_view suffix) {
  std::array<char, 24> digits{};
  std::snprintf(digits.data(), digits.size(), "%010llu", static_cast<unsigned long long>(number));
  return digits.data() + std::string(suffix);
}

std::uint64_t number_in_name(std::string_view name, std::string_view suffix) noexcept {
  std::uint64_t number = 0;
  if (!name.ends_with(suffix))
    return 0;
  name.remove_suffix(suffix.size());
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
  return parsed.ec == std::errc() && parsed.ptr == name.data() + name.size() ? number : 0;
}

result<void> journal_outcome(const data_directory& home, const IOStatus& status,
                             const std::string& what) {
  if (status.ok())
    return {};
  if (auto synced = home.check_syncs(); !synced)
    return synced;
  return failure{is_full(status) ? errc::no_space : errc::unavailable,
                 what + ": " + status.ToString()};
}

segment_writer::segment_writer(const data_directory& home, std::string path, segment_head head,
                               std::unique_ptr<FSWritableFile> file, std::uint64_t used_bytes)
    : home_(home), path_(std::move(path)), head_(std::move(head)), file_(std::move(file)),
      used_bytes_(used_bytes) {}

result<std::unique_ptr<segment_writer>> segment_writer::create(const data_directory& home,
                                                               const std::string& dir,
                                                               segment_head head,
                                                               const std::string& spare) {
  rocksdb::FileSystem& files = *home.files();
  const bool is_new = spare.empty();
  const std::string before =
      is_new ? dir + "/" + journal_file_name(head.number, spare_suffix) : spare;
  const std::string path = dir + "/" + journal_file_name(head.number, segment_suffix);
  // The head is durable before the file is a segment, so a segment without a head is damaged.
  IOStatus status = prepare(files, before, is_new, head);
  std::unique_ptr<FSWritableFile> file;
  if (status.ok())
    status = open_direct_or_cached([&](const FileOptions& options) {
      return files.ReuseWritableFile(path, before, options, &file, nullptr);
    });
  if (status.ok())
    status = sync_directory(files, dir);
  if (!status.ok() && is_new)
    static_cast<void>(files.DeleteFile(before, IOOptions(), nullptr)); // it takes room
  if (auto outcome = journal_outcome(home, status, "cannot make " + path); !outcome)
    return outcome.error();
  const std::uint64_t used = is_new ? 0 : head.size; // a spare was mostly written up to its end
  return std::unique_ptr<segment_writer>(
      new segment_writer(home, path, std::move(head), std::move(file), used));
}

result<std::unique_ptr<segment_writer>>
segment_writer::open(const data_directory& home, const std::string& dir, segment_head head) {
  const std::string path = dir + "/" + journal_file_name(head.number, segment_suffix);
  std::unique_ptr<FSWritableFile> file;
  IOStatus status = open_direct_or_cached([&](const FileOptions& options) {
    return home.files()->ReuseWritableFile(path, path, options, &file, nullptr);
  });
  if (status.ok())
    status = file->Sync(IOOptions(), nullptr);
  if (status.ok())
    status = sync_directory(*home.files(), dir);
  if (auto outcome = journal_outcome(home, status, "cannot open " + path); !outcome)
    return outcome.error();
  return std::unique_ptr<segment_writer>(
      new segment_writer(home, path, std::move(head), std::move(file), 0));
}

std::uint64_t segment_writer::zeros_behind(std::uint64_t offset,
                                           std::uint64_t bytes) const noexcept {
  constexpr std::uint64_t small_record = 64u << 10; // for larger ones the saving is a small part
  constexpr std::uint64_t zeros = 256u << 10;
  const std::uint64_t end = offset + bytes;
  return end <= used_bytes_ || bytes > small_record ? 0 : std::min(zeros, head_.size - end);
}

result<void> segment_writer::write(std::uint64_t offset, std::string_view pages) {
  assert(offset % journal_page_bytes == 0 && pages.size() % journal_page_bytes == 0);
  assert(offset + pages.size() <= head_.size);
  IOStatus status = file_->PositionedAppend(pages, offset, IOOptions(), nullptr);
  if (status.ok())
    status = file_->Sync(IOOptions(), nullptr);
  if (!status.ok()) // so that the usual case builds no text
    return journal_outcome(home_, status, "cannot write " + path_);
  used_bytes_ = std::max(used_bytes_, offset + pages.size());
  return {};
}

} // namespace telemetry::journal_files
