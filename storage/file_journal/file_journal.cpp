#include "storage/file_journal/file_journal.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

namespace telemetry::journal_files {
namespace {

/// Bytes of the record buffer that are kept between appends.
constexpr std::uint64_t kept_buffer_bytes = 4u << 20;

std::string entry_name(std::uint32_t shard, std::uint64_t batch_no) {
  return "journal entry " + std::to_string(batch_no) + " of shard " + std::to_string(shard);
}

/// The batch of a record that the index has; nullptr if the record lacks it.
const record_batch* find_batch(const record_head& record, std::uint32_t shard,
                               std::uint64_t batch_no) {
  for (const record_batch& one : record.batches)
    if (one.batch.shard == shard && one.batch.stamp.batch_no == batch_no)
      return &one;
  return nullptr;
}

} // namespace

file_journal::file_journal(std::shared_ptr<data_directory> home,
                           const file_journal_options& options)
    : home_(std::move(home)), options_(options), dir_(home_->path() + "/journal"),
      index_(home_->shards()) {}

result<std::unique_ptr<file_journal>> file_journal::open(std::shared_ptr<data_directory> home,
                                                         const file_journal_options& options) {
  std::unique_ptr<file_journal> opened(new file_journal(std::move(home), options));
  if (auto outcome = opened->open_files(); !outcome)
    return outcome.error();
  return opened;
}

std::string file_journal::path_of(std::uint64_t number, std::string_view suffix) const {
  return dir_ + "/" + journal_file_name(number, suffix);
}

result<void> file_journal::append(std::span<const journal_batch> batches) {
  if (batches.empty())
    return {};
  if (auto synced = home_->check_syncs(); !synced)
    return synced;
  if (auto room = check_space(needs_new_segment(batches)); !room)
    return room;
  if (auto written = write_record(batches); !written)
    return written;
  // A failure here does not concern these batches. If the disk is bad, the next append reports it.
  static_cast<void>(release());
  return {};
}

result<void> file_journal::check_space(bool is_new_room) {
  const clock::time_point now = clock::now();
  if (!is_new_room && now < space_known_until_)
    return {};
  if (auto room = home_->check_space(options_.min_free_bytes); !room)
    return room; // the next append asks again
  space_known_until_ = now + options_.space_check_interval;
  return {};
}

bool file_journal::needs_new_segment(std::span<const journal_batch> batches) const {
  return must_rotate_ ||
         position_ + record_bytes(batches, index_.pending_count()) > writer_->head().size;
}

/// Writes one record of `batches`, which may be empty, and of the trims that are not durable yet.
result<void> file_journal::write_record(std::span<const journal_batch> batches) {
  if (needs_new_segment(batches))
    if (auto rotated = rotate(record_bytes(batches, 0)); !rotated)
      return rotated;
  const std::vector<journal_trim> trims = index_.pending();
  const std::uint64_t bytes = record_bytes(batches, trims.size());
  const std::uint64_t zeros = writer_->zeros_behind(position_, bytes);
  char* const to = pages_.reserve(bytes + zeros);
  journal_files::write_record(to, writer_->head(), next_commit_, opening_, batches, trims);
  std::memset(to + bytes, 0, zeros);
  const auto written = writer_->write(position_, {to, bytes + zeros});
  pages_.shrink(kept_buffer_bytes);
  if (!written) {
    const failure why = leave_place(written.error());
    segments_.back().has_bad_place = must_rotate_;
    return why;
  }
  failed_write_.clear();
  for (const journal_batch& batch : batches) {
    assert(batch.shard < home_->shards() && batch.stamp.batch_no > 0);
    index_.add(batch.shard, {batch.stamp.batch_no, writer_->head().number, position_});
  }
  index_.persisted();
  position_ += bytes;
  ++next_commit_;
  return {};
}

result<void> file_journal::replay(std::uint32_t shard, std::uint64_t after, const visitor& visit) {
  std::optional<segment_reader> reader;
  for (const journal_index::place& place : index_.places(shard, after)) {
    if (place.batch_no != ++after)
      return failure{errc::corrupt, entry_name(shard, after) + " is missing; the next one is " +
                                        std::to_string(place.batch_no)};
    if (!reader || reader->head().number != place.segment) {
      auto opened = segment_reader::open(*home_->files(), path_of(place.segment, segment_suffix));
      if (!opened)
        return opened.error();
      reader = std::move(*opened);
    }
    const auto record = reader->read_record(place.offset);
    if (!record)
      return record.error();
    const record_batch* const found = *record ? find_batch(**record, shard, after) : nullptr;
    if (found == nullptr)
      return reader->damaged(place.offset, entry_name(shard, after) + " is gone");
    const auto bytes = reader->read_payload(place.offset, *found);
    if (!bytes)
      return bytes.error();
    const std::array payload{*bytes};
    journal_batch batch = found->batch;
    batch.payload = payload;
    if (auto visited = visit(batch); !visited)
      return visited;
  }
  return {};
}

result<std::uint64_t> file_journal::last_batch(std::uint32_t shard) {
  return index_.ends(shard).last;
}

result<void> file_journal::trim(std::uint32_t shard, std::uint64_t upto) {
  return index_.trim(shard, upto) ? release() : result<void>();
}

std::vector<shard_loss> file_journal::find_losses(std::span<const shard_marker> markers) const {
  std::vector<shard_loss> losses;
  for (const shard_marker& marker : markers) {
    const shard_ends& ends = index_.ends(marker.shard);
    std::vector<number_range> gaps;
    if (ends.trimmed > marker.cut)
      gaps.push_back({marker.cut + 1, ends.trimmed});
    if (auto loss = judge_shard({.shard = marker.shard, .head = ends.last}, marker.cut, gaps))
      losses.push_back(std::move(*loss));
  }
  return losses;
}

result<paired_journal::missing_batches>
file_journal::find_missing(std::span<const shard_marker> markers, const journal_pairing& before) {
  if (before.is_drained) // the store has all events, even of another journal
    return missing_batches{};
  const auto losses = find_losses(markers);
  if (losses.empty())
    return missing_batches{};
  return missing_batches{"acknowledged events of the journal are lost: " + describe_losses(losses)};
}

result<void> file_journal::meet(std::span<shard_marker> markers) {
  for (shard_marker& marker : markers) {
    marker.cut = std::max(marker.cut, index_.ends(marker.shard).trimmed);
    if (auto done = trim(marker.shard, marker.cut); !done)
      return done;
  }
  return {};
}

result<void> file_journal::note_opening(std::uint64_t number) {
  if (auto synced = home_->check_syncs(); !synced)
    return synced;
  const std::uint64_t before = std::exchange(opening_, number);
  auto noted = write_record({});
  if (!noted && must_rotate_) // in a new segment, because each start would fail at the same place
    noted = write_record({});
  if (!noted)
    opening_ = before;
  return noted;
}

} // namespace telemetry::journal_files
