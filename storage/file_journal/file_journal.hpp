#pragma once

#include "storage/event_store.hpp"
#include "storage/file_journal/descriptor_reserve.hpp"
#include "storage/file_journal/file_journal_index.hpp"
#include "storage/file_journal/file_journal_reader.hpp"
#include "storage/file_journal/file_journal_segment.hpp"
#include "storage/journal_loss.hpp"
#include "storage/paired_journal.hpp"

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace telemetry::journal_files {

/// Bounds of the journal's files.
struct file_journal_options {
  /// append() is refused while fewer bytes are free.
  std::uint64_t min_free_bytes = 64u << 20;
  /// Maximum age of the known number of free bytes. A new segment always asks again. A record needs
  /// no new room, because its segment has all its room, but other files may fill the disk.
  std::chrono::milliseconds space_check_interval{100};
  /// Size of the first segment. If a segment is full within seconds, the next has twice its size,
  /// up to the maximum. If it took minutes, the next has half its size. A larger record has a
  /// segment of its own.
  std::uint64_t segment_bytes_min = 1u << 20;
  std::uint64_t segment_bytes_max = 16u << 20;
};

/// The journal in files of its own, in the directory "journal" of the data directory (ADR 0047). An
/// append writes one record, with one write of whole pages and one sync. As journal.
///
/// A trim is noted in memory, and on disk with the next record, so it needs no sync. A segment is
/// used again once all its batches are trimmed.
///
/// Durable bytes are never written again, because a record begins on a page of its own. A write
/// that found no room is repeated at the same place. After any other failed write the journal
/// continues in a new segment, because a bad place of a disk stays bad. If the new segment fails as
/// well, the failure is errc::write_failed.
class file_journal final : public paired_journal {
public:
  /// Opens or makes the journal of `home`.
  /// @returns errc::corrupt with file and offset, errc::version (files of another journal or of a
  ///          newer program), errc::no_space, errc::unavailable, errc::sync_failed.
  static result<std::unique_ptr<file_journal>> open(std::shared_ptr<data_directory> home,
                                                    const file_journal_options& options);

  result<void> append(std::span<const journal_batch> batches) override;
  result<void> replay(std::uint32_t shard, std::uint64_t after, const visitor& visit) override;
  result<std::uint64_t> last_batch(std::uint32_t shard) override;
  result<void> trim(std::uint32_t shard, std::uint64_t upto) override;

  /// The missing batches above the cuts of `markers`, and the shards that end below their cuts.
  [[nodiscard]] std::vector<shard_loss> find_losses(std::span<const shard_marker> markers) const;
  result<std::uint64_t> opening() override { return opening_; }
  result<void> note_opening(std::uint64_t number) override;
  result<missing_batches> find_missing(std::span<const shard_marker> markers,
                                       const journal_pairing& before) override;
  result<void> meet(std::span<shard_marker> markers) override;

private:
  using clock = std::chrono::steady_clock;

  /// A segment on the disk. The last one is open for writing.
  struct segment {
    std::uint64_t number;
    std::uint64_t size;
    std::vector<std::uint64_t>
        ends;                   ///< last batch of each shard at its end; empty while it is open
    bool has_bad_place = false; ///< a write to it failed, so the file is not used again
  };
  struct spare_file {
    std::string path;
    std::uint64_t size;
    bool is_name_synced;
  };

  file_journal(std::shared_ptr<data_directory> home, const file_journal_options& options);
  // Opening: file_journal_recovery.cpp.
  [[nodiscard]] result<void> open_files();
  [[nodiscard]] result<void> recover(std::span<const std::uint64_t> numbers);
  [[nodiscard]] result<segment_reader> open_segment(std::uint64_t number);
  [[nodiscard]] result<scan_end> recover_segment(segment_reader& reader,
                                                 const segment_reader* next);
  [[nodiscard]] result<void> check_oldest(std::span<const shard_ends> before) const;

  [[nodiscard]] bool needs_new_segment(std::span<const journal_batch> batches) const;
  [[nodiscard]] result<void> check_space(bool is_new_room);
  [[nodiscard]] result<void> write_record(std::span<const journal_batch> batches);

  // New and retired segments: file_journal_rotation.cpp.
  [[nodiscard]] result<void> rotate(std::uint64_t record_bytes);
  [[nodiscard]] result<std::unique_ptr<segment_writer>> make_segment(std::uint64_t least);
  [[nodiscard]] result<std::unique_ptr<segment_writer>> create_segment(const std::string& spare,
                                                                       std::uint64_t bytes);
  [[nodiscard]] failure leave_place(failure why);
  [[nodiscard]] std::uint64_t next_segment_bytes() const;
  [[nodiscard]] std::vector<spare_file>::iterator find_spare(std::uint64_t size);
  [[nodiscard]] result<void> sync_spare_names();
  [[nodiscard]] bool is_trimmed(const segment& one, bool durably) const;
  [[nodiscard]] result<void> release();
  void retire(const segment& one);
  void limit_spares();
  void count_segments();
  [[nodiscard]] std::string path_of(std::uint64_t number, std::string_view suffix) const;

  std::shared_ptr<data_directory> home_;
  file_journal_options options_;
  std::string dir_;
  clock::time_point space_known_until_{};

  std::deque<segment> segments_; ///< oldest first
  std::vector<spare_file> spares_;
  // Most segments at a time in this minute and in the previous one. So many files are kept.
  std::size_t most_now_ = 0;
  std::size_t most_before_ = 0;
  clock::time_point minute_ = clock::now();

  std::unique_ptr<segment_writer> writer_;
  clock::time_point writer_since_{};
  std::uint64_t position_ = 0; ///< of the next record
  bool must_rotate_ = false;   ///< a new segment may exist already, or this one has a bad place
  std::string failed_write_;   ///< why the last write failed; "" if it succeeded or found no room
  std::uint64_t next_commit_ = 1;
  std::uint64_t opening_ = 0;
  std::uint64_t journal_id_ = 0;
  journal_index index_;
  page_buffer pages_;
  descriptor_reserve descriptors_;
};

} // namespace telemetry::journal_files
