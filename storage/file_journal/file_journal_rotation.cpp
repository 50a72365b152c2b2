// New and retired segments of the journal.
#include "storage/file_journal/file_journal.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace telemetry::journal_files {
namespace {

constexpr std::chrono::seconds fast_fill{10};
constexpr std::chrono::minutes slow_fill{5};
constexpr std::chrono::minutes one_minute{1};

/// A number that a sender of events cannot guess, so that a payload cannot look like a record.
std::uint64_t make_salt() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

} // namespace

/// Size of the next segment. It should last for some seconds, because making a segment takes extra
/// syncs, but it should not take room that a quiet database never uses.
std::uint64_t file_journal::next_segment_bytes() const {
  if (!writer_)
    return options_.segment_bytes_min;
  const auto lasted = clock::now() - writer_since_;
  std::uint64_t bytes = writer_->head().size;
  if (lasted < fast_fill)
    bytes *= 2;
  else if (lasted > slow_fill)
    bytes /= 2;
  return round_to_pages(std::clamp(bytes, options_.segment_bytes_min, options_.segment_bytes_max));
}

result<void> file_journal::rotate(std::uint64_t record_bytes) {
  const descriptor_reserve::loan descriptors(descriptors_);
  const std::uint64_t head_bytes = round_to_pages(segment_head_bytes(home_->shards()));
  auto made = make_segment(std::max(next_segment_bytes(), head_bytes + record_bytes));
  if (!made)
    return leave_place(made.error());
  must_rotate_ = false;
  for (spare_file& one : spares_)
    one.is_name_synced = true; // create() synced the directory
  if (!segments_.empty())
    segments_.back().ends = index_.all_lasts();
  index_.persisted(); // the new head has the trims
  writer_ = std::move(*made);
  writer_since_ = clock::now();
  position_ = head_bytes;
  segments_.push_back({writer_->head().number, writer_->head().size, {}});
  count_segments();
  return {};
}

/// Makes the next segment of at least `least` bytes from a spare file or a new one. Removes a spare
/// file if the disk refuses to write it, and tries the next one.
result<std::unique_ptr<segment_writer>> file_journal::make_segment(std::uint64_t least) {
  for (;;) {
    const auto spare = find_spare(least);
    if (spare == spares_.end())
      return create_segment("", least);
    if (!spare->is_name_synced)
      if (auto synced = sync_spare_names(); !synced)
        return synced.error();
    // The file stays in the list until it is a segment, because every step before may fail.
    auto made = create_segment(spare->path, spare->size);
    rocksdb::FileSystem& files = *home_->files();
    const bool is_bad = !made && made.error().code == errc::unavailable;
    if (is_bad)
      static_cast<void>(files.DeleteFile(spare->path, rocksdb::IOOptions(), nullptr));
    if (made || is_bad || !files.FileExists(spare->path, rocksdb::IOOptions(), nullptr).ok())
      spares_.erase(spare);
    if (!is_bad)
      return made;
  }
}

/// Makes the next segment from the file `spare`, or from a new file if `spare` is "".
result<std::unique_ptr<segment_writer>> file_journal::create_segment(const std::string& spare,
                                                                     std::uint64_t bytes) {
  if (journal_id_ == 0)
    journal_id_ = make_salt();
  segment_head head{writer_ ? writer_->head().number + 1 : 1,
                    journal_id_,
                    make_salt(),
                    bytes,
                    next_commit_,
                    opening_,
                    index_.all_ends()};
  must_rotate_ = true; // because the segment may exist even if create() fails
  return segment_writer::create(*home_, dir_, std::move(head), spare);
}

/// Makes the next record go to a new segment if the disk refused to write a place.
/// @returns `why`; errc::write_failed if the last write failed as well, in another place.
failure file_journal::leave_place(failure why) {
  if (why.code != errc::unavailable)
    return why;
  must_rotate_ = true;
  if (failed_write_.empty()) {
    failed_write_ = why.text;
    return why;
  }
  return {errc::write_failed, "the disk refuses writes in more than one place: " + failed_write_ +
                                  "; after that, in a new segment, " + why.text};
}

/// The first spare file of at least `size` bytes; the end of the list if there is none.
std::vector<file_journal::spare_file>::iterator file_journal::find_spare(std::uint64_t size) {
  return std::find_if(spares_.begin(), spares_.end(),
                      [size](const spare_file& one) { return one.size >= size; });
}

/// Syncs the directory. Otherwise a power cut could leave the head of a new segment in a file that
/// has the name of an old segment again, and the next start would report damage.
result<void> file_journal::sync_spare_names() {
  const auto status = sync_directory(*home_->files(), dir_);
  for (spare_file& one : spares_)
    one.is_name_synced = status.ok();
  return journal_outcome(*home_, status, "cannot sync " + dir_);
}

bool file_journal::is_trimmed(const segment& one, bool durably) const {
  for (std::uint32_t shard = 0; shard < one.ends.size(); ++shard)
    if (one.ends[shard] > (durably ? index_.durably_trimmed(shard) : index_.ends(shard).trimmed))
      return false;
  return true;
}

/// Retires the oldest segments if all their batches are trimmed.
result<void> file_journal::release() {
  if (segments_.size() < 2 || !is_trimmed(segments_.front(), false))
    return {};
  if (!is_trimmed(segments_.front(), true)) {
    // Writes the trims first, because a start that finds neither trims nor batches reports a loss.
    if (needs_new_segment({}))
      return {}; // the next append writes them
    if (auto noted = write_record({}); !noted)
      return noted;
  }
  for (; segments_.size() > 1 && is_trimmed(segments_.front(), true); segments_.pop_front())
    retire(segments_.front());
  limit_spares();
  return {};
}

/// Makes the file of a segment a spare file. Removes it if it has a bad place or does not fit the
/// present segment size. A crash may undo this until the directory is synced, which is only
/// necessary before the file is written again.
void file_journal::retire(const segment& one) {
  rocksdb::FileSystem& files = *home_->files();
  const std::string path = path_of(one.number, segment_suffix);
  const std::string spare = path_of(one.number, spare_suffix);
  const bool fits = !one.has_bad_place && one.size >= writer_->head().size &&
                    one.size <= options_.segment_bytes_max;
  if (fits && files.RenameFile(path, spare, rocksdb::IOOptions(), nullptr).ok())
    spares_.push_back({spare, one.size, false});
  else
    static_cast<void>(files.DeleteFile(path, rocksdb::IOOptions(), nullptr));
}

/// Keeps as many spare files as the last minute needed, and one if the journal is empty.
void file_journal::limit_spares() {
  count_segments();
  const std::size_t most = std::max(most_now_, most_before_);
  const std::size_t kept =
      index_.is_empty() ? 1 : std::max<std::size_t>(1, most - std::min(most, segments_.size()));
  for (; spares_.size() > kept; spares_.pop_back())
    static_cast<void>(
        home_->files()->DeleteFile(spares_.back().path, rocksdb::IOOptions(), nullptr));
}

void file_journal::count_segments() {
  const clock::time_point now = clock::now();
  if (now - minute_ >= one_minute) {
    most_before_ = now - minute_ < 2 * one_minute ? most_now_ : 0;
    most_now_ = 0;
    minute_ = now;
  }
  most_now_ = std::max(most_now_, segments_.size());
}

} // namespace telemetry::journal_files
