#include "storage/rocksdb/rocksdb_checkpoint.hpp"

#include "storage/rocksdb/checkpoint_chain.hpp"
#include "storage/rocksdb/event_block.hpp"
#include "storage/rocksdb/rocksdb_format.hpp"

#include <algorithm>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>
#include <string>
#include <utility>

namespace telemetry::rocks {
namespace {

/// In this order, because later families refer to the rows of earlier ones.
constexpr family written_families[] = {family::events, family::robots, family::meta};

/// The robots of a checkpoint in another order, without moving them. The sort key is stored beside
/// each pointer, because reading the robot itself is a cache miss. Rows need no sorting, because
/// those of one robot are in order.
template <class Key>
using robot_order = std::vector<std::pair<Key, const checkpoint::robot*>>;

/// @param key makes the sort key of a robot. @param less orders robots with the same key.
template <class MakeKey, class Less>
auto order_robots(const checkpoint& what, MakeKey key, Less less) {
  robot_order<decltype(key(what.robots[0]))> order;
  order.reserve(what.robots.size());
  for (const checkpoint::robot& robot : what.robots)
    order.emplace_back(key(robot), &robot);
  std::sort(order.begin(), order.end(), [&less](const auto& left, const auto& right) {
    return left.first != right.first ? left.first < right.first : less(*left.second, *right.second);
  });
  return order;
}

/// The first 16 bytes of a name, as two numbers with the order of the bytes.
std::pair<std::uint64_t, std::uint64_t> begin_of(const checkpoint::robot& robot) noexcept {
  char bytes[16] = {};
  robot.name.copy(bytes, sizeof bytes);
  return {take_big_endian(bytes), take_big_endian(bytes + 8)};
}

/// Tells the processor to fetch the rows of a robot some places behind `at`.
template <class Order>
void prefetch_rows(const Order& order, std::size_t at) noexcept {
  constexpr std::size_t ahead = 6;
  if (at + 3 * ahead < order.size())
    __builtin_prefetch(order[at + 3 * ahead].second);
  if (at + 2 * ahead < order.size())
    __builtin_prefetch(order[at + 2 * ahead].second->rows.get());
  if (at + ahead < order.size())
    __builtin_prefetch(order[at + ahead].second->rows->data());
}

struct checkpoint_size {
  std::size_t rows = 0;
  std::size_t entries = 0; ///< of events and robots
  std::uint64_t bytes = 0; ///< on disk, uncompressed, at most
};

checkpoint_size measure(const checkpoint& what) {
  // A row takes at most its four numbers in its block. All other bytes of a full block are less
  // than half of its rows.
  checkpoint_size size;
  for (const checkpoint::robot& robot : what.robots) {
    size.rows += robot.rows->size();
    size.entries += 1 + (robot.rows->size() + block_events_max - 1) / block_events_max;
    size.bytes +=
        sizeof(event_key) + block_bytes_beside_rows + robot.name.size() + sizeof(robot_value) + 16;
  }
  size.bytes += size.rows * 3 * sizeof(event_row) / 2;
  return size;
}

/// Writes all events in blocks through `put(key, value)`, which returns a Status, ordered by id and
/// time. Only the last block of a robot is not full, so that the same rows make the same blocks.
template <class Put>
rocksdb::Status put_events(const checkpoint& what, Put put) {
  const auto order = order_robots(
      what, [](const auto& robot) { return robot.id; },
      [](const auto&, const auto&) { return false; });
  event_block_encoder encoder;
  for (std::size_t i = 0; i < order.size(); ++i) {
    prefetch_rows(order, i);
    const checkpoint::robot& robot = *order[i].second;
    for (std::span<const track_row> rest = *robot.rows; !rest.empty();) {
      const auto block = rest.first(std::min(rest.size(), block_events_max));
      rest = rest.subspan(block.size());
      const event_key key = make_event_key({robot.id, block.back().event.timestamp, block.size()});
      const std::string_view bytes = encoder.encode(block);
      if (bytes.empty()) // a bug; the journal keeps the events
        return rocksdb::Status::Corruption("the events of robot \"" + std::string(robot.name) +
                                           "\" do not come back from their block");
      if (rocksdb::Status status = put(key.view(), bytes); !status.ok())
        return status;
    }
  }
  return {};
}

/// Writes the rows of the robot table through `put`, ordered by name.
template <class Put>
rocksdb::Status put_robots(const checkpoint& what, Put put) {
  const auto order = order_robots(
      what, begin_of, [](const auto& left, const auto& right) { return left.name < right.name; });
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i + 8 < order.size())
      __builtin_prefetch(order[i + 8].second);
    const checkpoint::robot& robot = *order[i].second;
    const robot_value value = make_robot_value(robot.id, robot.state);
    if (rocksdb::Status status = put(robot.name, value.view()); !status.ok())
      return status;
  }
  return {};
}

/// Writes the markers through `put`, ordered by shard.
template <class Put>
rocksdb::Status put_markers(const checkpoint& what, Put put) {
  std::vector<shard_marker> markers = what.markers;
  std::sort(markers.begin(), markers.end(),
            [](const auto& left, const auto& right) { return left.shard < right.shard; });
  for (const shard_marker& marker : markers) {
    const marker_key key = make_marker_key(marker.shard);
    const marker_value value = make_marker_value(marker);
    if (rocksdb::Status status = put(key.view(), value.view()); !status.ok())
      return status;
  }
  return {};
}

/// Writes the part of checkpoint `number` for one column family, in the order of its keys.
template <class Put, class Remove>
rocksdb::Status put_family(family which, const checkpoint& what, std::uint64_t number, Put put,
                           Remove remove) {
  if (which == family::robots) { // keys of numbers are below all names, but above other keys
    const rocksdb::Status status = extend_chain(which, number, put, remove);
    return status.ok() ? put_robots(what, put) : status;
  }
  const rocksdb::Status status =
      which == family::events ? put_events(what, put) : put_markers(what, put);
  return status.ok() ? extend_chain(which, number, put, remove) : status;
}

/// Builds the sorted file `path` for one column family.
/// @param fill gets a `put(key, value)` and a `remove(key)`.
template <class Fill>
rocksdb::Status build_file(const rocksdb_database& database, family which, const std::string& path,
                           Fill fill) {
  const rocksdb::Options options = database.table_options(which);
  // Leaves the pages in the page cache, because they will be read soon.
  rocksdb::SstFileWriter file(rocksdb::EnvOptions(options), options, nullptr,
                              /*invalidate_page_cache=*/false);
  if (rocksdb::Status status = file.Open(path); !status.ok())
    return status;
  const auto put = [&file](std::string_view key, std::string_view value) {
    return file.Put(key, value);
  };
  const auto remove = [&file](std::string_view key) { return file.Delete(key); };
  if (rocksdb::Status status = fill(put, remove); !status.ok())
    return status;
  return file.Finish();
}

} // namespace

checkpoint_writer::checkpoint_writer(std::shared_ptr<rocksdb_database> database,
                                     std::size_t ingest_from_entries)
    : database_(std::move(database)), ingest_from_entries_(ingest_from_entries) {}

result<void> checkpoint_writer::write(const checkpoint& what) {
  const checkpoint_size size = measure(what);
  // A checkpoint may use room that appends may not use, because it lets the journal shrink.
  const std::uint64_t needed = database_->min_free_bytes() / 4 + size.bytes;
  if (result<void> ready = database_->ready_to_write(needed); !ready)
    return ready;
  result<void> written =
      size.rows == 0 || size.entries < ingest_from_entries_ ? write_batch(what) : ingest(what);
  if (written)
    database_->checkpoint_done();
  return written;
}

result<void> checkpoint_writer::write_batch(const checkpoint& what) {
  const auto session = database_->use();
  if (!session)
    return session.error();
  rocksdb::WriteBatch batch;
  rocksdb::Status status;
  for (const family which : written_families) {
    rocksdb::ColumnFamilyHandle* const handle = session->handle(which);
    const auto put = [&](std::string_view key, std::string_view value) {
      return batch.Put(handle, key, value);
    };
    const auto remove = [&](std::string_view key) { return batch.Delete(handle, key); };
    if (status.ok())
      status = put_family(which, what, database_->last_checkpoint() + 1, put, remove);
  }
  if (status.ok()) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    status = session->db().Write(synced, &batch);
  }
  return database_->written(status, "checkpoint of " + std::to_string(what.robots.size()) +
                                        " robots into events and robots");
}

result<void> checkpoint_writer::ingest(const checkpoint& what) {
  // Files of a failed attempt must not be overwritten, because they may be live tables under
  // another name. Files of this attempt are deleted if it fails, because they take room.
  if (auto emptied = database_->empty_checkpoint_dir(); !emptied)
    return emptied;
  rocksdb::Status status = build_files(what);
  if (status.ok()) {
    const auto session = database_->use();
    if (!session)
      return session.error();
    status = ingest_files(*session);
  }
  auto outcome = database_->written(status, "checkpoint of " + std::to_string(what.robots.size()) +
                                                " robots as files of events and robots");
  if (outcome)
    return {};
  if (auto emptied = database_->empty_checkpoint_dir(); !emptied)
    return emptied;
  return outcome;
}

rocksdb::Status checkpoint_writer::build_files(const checkpoint& what) const {
  rocksdb::Status status;
  for (const family which : written_families)
    if (status.ok())
      status = build_file(*database_, which, file_of(which), [&](auto put, auto remove) {
        return put_family(which, what, database_->last_checkpoint() + 1, put, remove);
      });
  return status;
}

rocksdb::Status checkpoint_writer::ingest_files(const rocksdb_database::session& session) const {
  rocksdb::Status status = session.db().Flush(
      rocksdb::FlushOptions(), {session.handle(family::meta), session.handle(family::events),
                                session.handle(family::robots)});
  if (!status.ok())
    return status;
  std::vector<rocksdb::IngestExternalFileArg> files;
  const auto add = [&](family which) {
    rocksdb::IngestExternalFileArg& file = files.emplace_back();
    file.column_family = session.handle(which);
    file.external_files = {file_of(which)};
    file.options.move_files = true;
    file.options.write_global_seqno = false;
  };
  for (const family which : written_families)
    add(which);
  return session.db().IngestExternalFiles(files);
}

std::string checkpoint_writer::file_of(family which) const {
  return database_->checkpoint_dir() + "/" + std::to_string(static_cast<std::size_t>(which)) +
         ".sst";
}

} // namespace telemetry::rocks
