// Opening the journal: reads its records in order, and finds missing or damaged ones.
#include "storage/file_journal/file_journal.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace telemetry::journal_files {
namespace {

using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr std::uint64_t no_end = std::numeric_limits<std::uint64_t>::max();

/// The files in the directory of a journal.
struct journal_listing {
  std::vector<std::uint64_t> segments; ///< in order
  std::vector<std::string> spares;
};

result<journal_listing> list(const data_directory& home, const std::string& dir) {
  std::vector<std::string> names;
  const IOStatus status = home.files()->GetChildren(dir, IOOptions(), &names, nullptr);
  if (!status.ok())
    return failure{errc::unavailable, "cannot list " + dir + ": " + status.ToString()};
  journal_listing found;
  for (const std::string& name : names) {
    if (const auto number = number_in_name(name, segment_suffix); number != 0)
      found.segments.push_back(number);
    else if (number_in_name(name, spare_suffix) != 0)
      found.spares.push_back(dir + "/" + name);
  }
  std::sort(found.segments.begin(), found.segments.end());
  return found;
}

/// Makes the directory `dir`. Its name is durable on return.
result<void> make_directory(const data_directory& home, const std::string& dir) {
  rocksdb::FileSystem& files = *home.files();
  IOStatus status = files.CreateDirIfMissing(dir, IOOptions(), nullptr);
  std::unique_ptr<rocksdb::FSDirectory> above;
  if (status.ok())
    status = files.NewDirectory(home.path(), IOOptions(), &above, nullptr);
  if (status.ok())
    status = above->Fsync(IOOptions(), nullptr);
  return journal_outcome(home, status, "cannot make " + dir);
}

/// The newest segments, as far back as their numbers follow one another.
std::span<const std::uint64_t> newest_run(std::span<const std::uint64_t> numbers) {
  std::size_t begin = numbers.size() - 1;
  while (begin > 0 && numbers[begin - 1] + 1 == numbers[begin])
    --begin;
  return numbers.subspan(begin);
}

} // namespace

result<void> file_journal::open_files() {
  if (auto made = make_directory(*home_, dir_); !made)
    return made;
  const auto found = list(*home_, dir_);
  if (!found)
    return found.error();
  if (found->segments.empty()) {
    // A store is made only after its journal.
    const std::string store = home_->path() + "/CURRENT";
    if (home_->files()->FileExists(store, IOOptions(), nullptr).ok())
      return failure{errc::corrupt, dir_ + " has lost its files: there is a store, but no segment"};
    if (auto started = rotate(0); !started)
      return started;
  } else if (auto recovered = recover(found->segments); !recovered) {
    return recovered;
  }
  for (const std::string& spare : found->spares)
    static_cast<void>(home_->files()->DeleteFile(spare, IOOptions(), nullptr));
  return release();
}

result<void> file_journal::recover(std::span<const std::uint64_t> numbers) {
  const std::span<const std::uint64_t> run = newest_run(numbers);
  auto opened = open_segment(run.front());
  if (!opened)
    return opened.error();
  std::optional<segment_reader> current = std::move(*opened);
  const std::vector<shard_ends> before = current->head().shards;
  for (std::size_t i = 0; i < run.size(); ++i) {
    std::optional<segment_reader> next;
    if (i + 1 < run.size()) {
      opened = open_segment(run[i + 1]);
      if (!opened)
        return opened.error();
      next = std::move(*opened);
    }
    const auto end = recover_segment(*current, next ? &*next : nullptr);
    if (!end)
      return end.error();
    next_commit_ = end->commit;
    position_ = end->offset;
    if (next)
      current = std::move(next);
  }
  if (auto whole = check_oldest(before); !whole)
    return whole;
  auto writer = segment_writer::open(*home_, dir_, current->head());
  if (!writer)
    return writer.error();
  writer_ = std::move(*writer);
  writer_since_ = clock::now();
  // A crash between two renames may leave older segments before a gap. They are no longer needed.
  for (const std::uint64_t number : numbers.first(numbers.size() - run.size()))
    static_cast<void>(
        home_->files()->DeleteFile(path_of(number, segment_suffix), IOOptions(), nullptr));
  return {};
}

result<segment_reader> file_journal::open_segment(std::uint64_t number) {
  auto opened = segment_reader::open(*home_->files(), path_of(number, segment_suffix));
  if (!opened)
    return opened;
  const segment_head& head = opened->head();
  if (head.number != number)
    return failure{errc::corrupt, opened->path() + " is segment " + std::to_string(head.number) +
                                      " under another name"};
  if (journal_id_ == 0)
    journal_id_ = head.journal_id;
  if (head.journal_id != journal_id_ || head.shards.size() != home_->shards())
    return failure{errc::version, opened->path() + " belongs to another journal"};
  return opened;
}

/// Adds the records of a segment to the index. @param next the next segment; nullptr for the last.
result<scan_end> file_journal::recover_segment(segment_reader& reader, const segment_reader* next) {
  const segment_head& head = reader.head();
  index_.raise(head.shards);
  opening_ = head.opening;
  const auto take = [&](const record_head& record, std::uint64_t offset) -> result<void> {
    opening_ = record.opening;
    for (const record_batch& one : record.batches)
      index_.add(one.batch.shard, {one.batch.stamp.batch_no, head.number, offset});
    for (const journal_trim& trim : record.trims)
      index_.trim(static_cast<std::uint32_t>(trim.shard), trim.upto);
    index_.persisted();
    return {};
  };
  // This segment may end with a failed attempt to write the first commit of the next one.
  auto end = scan_records(reader, next != nullptr ? next->head().first_commit : no_end, take);
  if (!end)
    return end;
  if (next == nullptr) {
    if (auto tail = check_tail(reader, *end); !tail)
      return tail.error();
  } else if (end->commit != next->head().first_commit) {
    return reader.damaged(end->offset, "commit " + std::to_string(end->commit) +
                                           " should be here, and " + next->path() +
                                           " begins with commit " +
                                           std::to_string(next->head().first_commit));
  }
  segments_.push_back({head.number, head.size, {}});
  if (next != nullptr)
    for (const shard_ends& ends : next->head().shards)
      segments_.back().ends.push_back(ends.last);
  return end;
}

/// Checks that all batches before the oldest segment are trimmed. @param before ends in its head.
result<void> file_journal::check_oldest(std::span<const shard_ends> before) const {
  for (std::uint32_t shard = 0; shard < before.size(); ++shard)
    if (before[shard].last > index_.ends(shard).trimmed)
      return failure{errc::corrupt, path_of(segments_.front().number - 1, segment_suffix) +
                                        " is missing: it has batches up to " +
                                        std::to_string(before[shard].last) + " of shard " +
                                        std::to_string(shard)};
  return {};
}

} // namespace telemetry::journal_files
