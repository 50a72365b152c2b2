#pragma once

#include "core/result.hpp"
#include "storage/data_dir/data_directory.hpp"
#include "storage/file_journal/file_journal_format.hpp"

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace telemetry::journal_files {

/// Memory that starts at a page boundary, because direct I/O requires it.
class page_buffer {
public:
  /// At least `bytes` of memory with undefined content. It is kept between calls.
  [[nodiscard]] char* reserve(std::uint64_t bytes);
  /// Frees the memory beyond `bytes`.
  void shrink(std::uint64_t bytes) noexcept;

private:
  struct free_memory {
    void operator()(char* memory) const noexcept { std::free(memory); }
  };
  std::unique_ptr<char, free_memory> memory_;
  std::uint64_t bytes_ = 0;
};

/// Names of the journal's files: "0000000012.segment" for a segment, "0000000007.spare" for a file
/// of any content that will become a segment.
inline constexpr std::string_view segment_suffix = ".segment";
inline constexpr std::string_view spare_suffix = ".spare";
[[nodiscard]] std::string journal_file_name(std::uint64_t number, std::string_view suffix);
/// The number in such a name; 0 for other names.
[[nodiscard]] std::uint64_t number_in_name(std::string_view name, std::string_view suffix) noexcept;

/// The outcome of a write to a file of the journal. `what` names it for a person.
/// @returns errc::sync_failed, errc::no_space, errc::unavailable.
[[nodiscard]] result<void> journal_outcome(const data_directory& home,
                                           const rocksdb::IOStatus& status,
                                           const std::string& what);

/// Makes the names of the files in `dir` durable.
[[nodiscard]] rocksdb::IOStatus sync_directory(rocksdb::FileSystem& files, const std::string& dir);

/// The segment that is being written: whole pages at given places of a file that has all its room
/// from the start. Uses direct I/O if the file system allows it, because a synced write costs half
/// as much as through the page cache (ADR 0047).
///
/// Thread-safety: none. Blocking: yes.
class segment_writer {
public:
  /// Makes segment head.number in `dir` from the file `spare`, of head.size bytes, or from a new
  /// file if `spare` is "". The segment and its name are durable on return.
  /// @pre the name of `spare` is durable.
  static result<std::unique_ptr<segment_writer>> create(const data_directory& home,
                                                        const std::string& dir, segment_head head,
                                                        const std::string& spare);
  /// Continues in an existing segment. Syncs the file and the directory first, because a killed
  /// process may have left records or the file's name unsynced.
  static result<std::unique_ptr<segment_writer>> open(const data_directory& home,
                                                      const std::string& dir, segment_head head);

  [[nodiscard]] const segment_head& head() const noexcept { return head_; }

  /// How many zeros to write behind `bytes` at `offset`, in the same write.
  ///
  /// The first write to new room makes the file system note that it is no longer empty. The next
  /// sync writes that note too and waits once more, which takes 57 instead of 34 µs of cpu, and 190
  /// instead of 130 µs (ADR 0047). Zeros in advance save this cost for all small records except the
  /// one whose write contains them.
  [[nodiscard]] std::uint64_t zeros_behind(std::uint64_t offset,
                                           std::uint64_t bytes) const noexcept;

  /// Writes whole pages and syncs them.
  /// @returns errc::no_space or errc::unavailable (the pages may be there, in part or whole),
  ///          errc::sync_failed.
  [[nodiscard]] result<void> write(std::uint64_t offset, std::string_view pages);

private:
  segment_writer(const data_directory& home, std::string path, segment_head head,
                 std::unique_ptr<rocksdb::FSWritableFile> file, std::uint64_t used_bytes);

  const data_directory& home_;
  std::string path_;
  segment_head head_;
  std::unique_ptr<rocksdb::FSWritableFile> file_;
  std::uint64_t used_bytes_; ///< bytes at the front that are known to be written, in any use
};

} // namespace telemetry::journal_files
