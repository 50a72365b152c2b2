#pragma once

#include "core/result.hpp"
#include "storage/file_journal/file_journal_format.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <rocksdb/file_system.h>
#include <string>
#include <string_view>

namespace telemetry::journal_files {

/// Reads one segment of the journal through a window of bounded size.
///
/// Thread-safety: none. Blocking: yes. Errors name the file.
class segment_reader {
public:
  /// @returns errc::unavailable if the file cannot be opened; errc::corrupt if it has no head, or
  ///          its size differs from the size in its head; errc::version.
  static result<segment_reader> open(rocksdb::FileSystem& files, const std::string& path);
  /// For a file that is open already.
  static result<segment_reader> open(std::unique_ptr<rocksdb::FSRandomAccessFile> file,
                                     std::string path, std::uint64_t size);

  [[nodiscard]] const segment_head& head() const noexcept { return head_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// The offset of the first record, which may not exist yet.
  [[nodiscard]] std::uint64_t first_record() const noexcept;

  /// @returns the bytes, valid until the next read; errc::unavailable.
  /// @pre they are within the file.
  [[nodiscard]] result<std::string_view> read(std::uint64_t offset, std::uint64_t bytes);

  /// The head of the record at `offset`; nullopt if no record of this use of the file begins there.
  [[nodiscard]] result<std::optional<record_head>> read_record(std::uint64_t offset);

  /// The payload of one batch of the record at `offset`.
  /// @returns the bytes, valid until the next read; errc::corrupt with file and offset.
  [[nodiscard]] result<std::string_view> read_payload(std::uint64_t offset,
                                                      const record_batch& batch);

  /// errc::corrupt with file and offset.
  [[nodiscard]] failure damaged(std::uint64_t offset, std::string_view why) const;

private:
  segment_reader(std::unique_ptr<rocksdb::FSRandomAccessFile> file, std::string path,
                 std::uint64_t size);

  std::unique_ptr<rocksdb::FSRandomAccessFile> file_;
  std::string path_;
  std::uint64_t size_;
  segment_head head_;
  std::string window_; ///< the bytes from window_offset_ on
  std::uint64_t window_offset_ = 0;
};

/// Called for each complete record, in order, with its offset. An error ends the scan.
using record_visitor = std::function<result<void>(const record_head&, std::uint64_t)>;

/// The end of a scan.
struct scan_end {
  std::uint64_t offset; ///< after the last record
  std::uint64_t commit; ///< number after that of the last record
};

/// Visits the records of a segment, up to the first that is damaged, missing, or has number
/// `commit_end`. Checks the payloads too.
[[nodiscard]] result<scan_end> scan_records(segment_reader& segment, std::uint64_t commit_end,
                                            const record_visitor& visit);

/// Distinguishes a record that a crash cut short from a damaged one. A record is synced before the
/// next is written (rule 6), so no record may follow one that was cut short.
/// @returns errc::corrupt if a record of number `end.commit` or higher begins behind `end.offset`.
[[nodiscard]] result<void> check_tail(segment_reader& segment, const scan_end& end);

} // namespace telemetry::journal_files
