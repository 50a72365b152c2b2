#include "storage/rocksdb_journal.hpp"

#include "storage/rocksdb_format.hpp"

#include <array>
#include <limits>
#include <string>
#include <utility>

namespace telemetry::detail {
namespace {

constexpr std::uint64_t batch_no_max = std::numeric_limits<std::uint64_t>::max(); // never reached

/// In the family meta, beside the markers, whose keys have another length.
constexpr std::string_view opening_key = "opening";

using number_value = fixed_bytes<8>;

number_value make_number(std::uint64_t number) {
  number_value value;
  field_writer(value.bytes.data()).put(number);
  return value;
}

std::optional<std::uint64_t> read_number(std::string_view value) {
  std::uint64_t number = 0;
  if (value.size() != sizeof(number_value))
    return std::nullopt;
  field_reader(value.data()).take(number);
  return number;
}

/// Payload bytes that a replay copies at a time.
constexpr std::size_t piece_bytes = 4u << 20;

std::string entry_name(std::uint32_t shard, std::uint64_t batch_no) {
  return "journal entry " + std::to_string(batch_no) + " of shard " + std::to_string(shard);
}

} // namespace

rocksdb_journal::rocksdb_journal(std::shared_ptr<rocksdb_database> database)
    : database_(std::move(database)), trimmed_(database_->shards(), 0) {}

rocksdb::Status rocksdb_journal::add(const journal_batch& batch, rocksdb::ColumnFamilyHandle* to) {
  const journal_key key = make_journal_key(batch.shard, batch.stamp.batch_no);
  const journal_header header = make_journal_header(batch);
  const rocksdb::Slice key_slice(key.view());
  value_.assign(1, rocksdb::Slice(header.view()));
  value_.insert(value_.end(), batch.payload.begin(), batch.payload.end());
  return write_.Put(to, rocksdb::SliceParts(&key_slice, 1),
                    rocksdb::SliceParts(value_.data(), static_cast<int>(value_.size())));
}

result<void> rocksdb_journal::append(std::span<const journal_batch> batches) {
  if (batches.empty())
    return {};
  if (result<void> ready = database_->ready_to_write(database_->min_free_bytes()); !ready)
    return ready;
  const auto session = database_->use();
  if (!session)
    return session.error();
  write_.Clear();
  rocksdb::Status status;
  for (const journal_batch& batch : batches) {
    assert(batch.shard < database_->shards() && batch.stamp.batch_no > 0);
    if (status.ok())
      status = add(batch, session->handle(family::journal));
  }
  if (status.ok()) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    status = session->db().Write(synced, &write_);
  }
  if (status.ok()) // the usual case builds no text
    return {};
  return database_->written(status,
                            "journal append of " + std::to_string(batches.size()) + " batches");
}

result<void> rocksdb_journal::replay(std::uint32_t shard, std::uint64_t after,
                                     const visitor& visit) {
  // Piece by piece, so that a visitor who waits does not keep the database from being reopened.
  for (replay_piece piece;;) {
    if (result<void> read = read_piece(shard, after, piece); !read)
      return read;
    if (piece.entries.empty())
      return {};
    std::string_view payloads = piece.payloads;
    for (auto& [batch, size] : piece.entries) {
      const std::array payload{payloads.substr(0, size)};
      payloads.remove_prefix(size);
      batch.payload = payload;
      if (result<void> visited = visit(batch); !visited)
        return visited;
      after = batch.stamp.batch_no;
    }
  }
}

result<void> rocksdb_journal::read_piece(std::uint32_t shard, std::uint64_t after,
                                         replay_piece& piece) const {
  piece.entries.clear();
  piece.payloads.clear();
  const auto session = database_->use();
  if (!session)
    return session.error();
  const journal_key first = make_journal_key(shard, after + 1);
  const journal_key last = make_journal_key(shard, batch_no_max);
  const rocksdb::Slice end(last.view());
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &end;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(
      session->db().NewIterator(options, session->handle(family::journal)));
  for (it->Seek(first.view()); it->Valid() && piece.payloads.size() < piece_bytes; it->Next()) {
    const std::string_view value = it->value().ToStringView();
    const std::optional<journal_batch> batch = read_journal_entry(it->key().ToStringView(), value);
    if (!batch)
      return database_->damaged(entry_name(shard, after + 1));
    if (batch->stamp.batch_no != ++after)
      return failure{errc::corrupt, entry_name(shard, after) + " is missing; the next one is " +
                                        std::to_string(batch->stamp.batch_no)};
    const std::string_view payload = value.substr(sizeof(journal_header));
    piece.entries.emplace_back(*batch, payload.size());
    piece.payloads += payload;
  }
  return database_->read(it->status(), "reading " + entry_name(shard, after + 1));
}

result<std::uint64_t> rocksdb_journal::last_batch(std::uint32_t shard) {
  const auto session = database_->use();
  if (!session)
    return session.error();
  const journal_key first = make_journal_key(shard, 0);
  const journal_key last = make_journal_key(shard, batch_no_max);
  const rocksdb::Slice begin(first.view());
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &begin;
  const std::unique_ptr<rocksdb::Iterator> it(
      session->db().NewIterator(options, session->handle(family::journal)));
  it->SeekForPrev(last.view());
  if (it->Valid() && it->key() == rocksdb::Slice(first.view()))
    return trimmed(shard);
  if (it->Valid()) {
    const std::optional<journal_batch> batch =
        read_journal_entry(it->key().ToStringView(), it->value().ToStringView());
    if (!batch)
      return database_->damaged("last journal entry of shard " + std::to_string(shard));
    return batch->stamp.batch_no;
  }
  if (result<void> outcome = database_->read(it->status(), "reading the journal's end"); !outcome)
    return outcome.error();
  return std::uint64_t{0};
}

result<void> rocksdb_journal::trim(std::uint32_t shard, std::uint64_t upto) {
  assert(shard < trimmed_.size() && upto < batch_no_max);
  if (upto <= trimmed_[shard])
    return {};
  const auto session = database_->use();
  if (!session)
    return session.error();
  // From 0, not from the last trim: that one need not have survived.
  const journal_key begin = make_journal_key(shard, 0);
  const journal_key end = make_journal_key(shard, upto + 1);
  rocksdb::WriteBatch write;
  const auto to = session->handle(family::journal);
  rocksdb::Status status = write.DeleteRange(to, begin.view(), end.view());
  if (status.ok())
    status = write.Put(to, begin.view(), make_number(upto).view());
  if (status.ok())
    status = session->db().Write(rocksdb::WriteOptions(), &write);
  if (status.ok())
    trimmed_[shard] = upto;
  return database_->written(status, "trim of the journal");
}

result<std::uint64_t> rocksdb_journal::trimmed(std::uint32_t shard) const {
  return read_number_at(family::journal, make_journal_key(shard, 0).view());
}

result<std::vector<shard_loss>>
rocksdb_journal::find_losses(std::span<const shard_marker> markers) {
  std::vector<shard_loss> losses;
  for (const shard_marker& marker : markers) {
    const auto last = last_batch(marker.shard);
    const auto gone = trimmed(marker.shard);
    if (!last || !gone)
      return last ? gone.error() : last.error();
    std::vector<number_range> gaps;
    if (*gone > marker.cut)
      gaps.push_back({marker.cut + 1, *gone});
    if (auto loss = judge_shard({.shard = marker.shard, .head = *last}, marker.cut, gaps))
      losses.push_back(std::move(*loss));
  }
  return losses;
}

result<void> rocksdb_journal::meet(std::span<shard_marker> markers) {
  for (shard_marker& marker : markers) {
    const auto gone = trimmed(marker.shard);
    if (!gone)
      return gone.error();
    marker.cut = std::max(marker.cut, *gone);
    if (result<void> done = trim(marker.shard, marker.cut); !done)
      return done;
  }
  return {};
}

result<std::uint64_t> rocksdb_journal::opening() const {
  return read_number_at(family::meta, opening_key);
}

/// The number under `key`; 0 if there is none.
result<std::uint64_t> rocksdb_journal::read_number_at(family where, std::string_view key) const {
  const auto session = database_->use();
  if (!session)
    return session.error();
  std::string value;
  const rocksdb::Status status =
      session->db().Get(rocksdb::ReadOptions(), session->handle(where), key, &value);
  if (status.IsNotFound())
    return std::uint64_t{0};
  if (result<void> outcome = database_->read(status, "reading the journal's state"); !outcome)
    return outcome.error();
  if (const auto number = read_number(value))
    return *number;
  return database_->damaged("a number of the journal's state");
}

result<void> rocksdb_journal::note_opening(std::uint64_t epoch) {
  if (result<void> ready = database_->ready_to_write(0); !ready)
    return ready;
  const auto session = database_->use();
  if (!session)
    return session.error();
  rocksdb::WriteOptions synced;
  synced.sync = true;
  return database_->written(session->db().Put(synced, session->handle(family::meta), opening_key,
                                              make_number(epoch).view()),
                            "noting the opening of the journal");
}

} // namespace telemetry::detail
