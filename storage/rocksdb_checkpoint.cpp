#include "storage/rocksdb_checkpoint.hpp"

#include "storage/rocksdb_format.hpp"

#include <algorithm>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>
#include <string>
#include <utility>

namespace telemetry::detail {
namespace {

/// The robots of a checkpoint in another order, without moving them.
using robot_order = std::vector<const checkpoint::robot*>;

/// Sorts robots, never rows: the rows of one robot come in order.
template <class Less>
robot_order order_robots(const checkpoint& what, Less less) {
  robot_order order;
  order.reserve(what.robots.size());
  for (const checkpoint::robot& robot : what.robots)
    order.push_back(&robot);
  std::sort(order.begin(), order.end(),
            [&less](const auto* left, const auto* right) { return less(*left, *right); });
  return order;
}

std::size_t count_rows(const checkpoint& what) {
  std::size_t rows = 0;
  for (const checkpoint::robot& robot : what.robots)
    rows += robot.rows->size();
  return rows;
}

/// An upper bound of what `what` takes on disk, uncompressed.
std::uint64_t disk_bytes(const checkpoint& what, std::size_t rows) {
  std::uint64_t bytes = rows * (sizeof(event_key) + sizeof(event_value) + 8);
  for (const checkpoint::robot& robot : what.robots)
    bytes += robot.name.size() + sizeof(robot_value) + 8;
  return bytes;
}

/// Writes every row through `put(key, value)`, which returns a Status; events by id and time.
template <class Put>
rocksdb::Status put_events(const checkpoint& what, Put put) {
  const auto by_id = [](const auto& left, const auto& right) { return left.id < right.id; };
  for (const checkpoint::robot* robot : order_robots(what, by_id))
    for (const track_row& row : *robot->rows) {
      const event_key key = make_event_key(robot->id, row.event.timestamp);
      const event_value value = make_event_value(row.event);
      if (rocksdb::Status status = put(key.view(), value.view()); !status.ok())
        return status;
    }
  return {};
}

/// The same for the rows of the robot table, by name.
template <class Put>
rocksdb::Status put_robots(const checkpoint& what, Put put) {
  const auto by_name = [](const auto& left, const auto& right) { return left.name < right.name; };
  for (const checkpoint::robot* robot : order_robots(what, by_name)) {
    const robot_value value = make_robot_value(robot->id, robot->state);
    if (rocksdb::Status status = put(robot->name, value.view()); !status.ok())
      return status;
  }
  return {};
}

/// The same for the markers, by shard.
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

/// Builds the sorted file `path` for one column family. An empty one is not built.
/// @param fill gets a `put(key, value)`.
template <class Fill>
rocksdb::Status build_file(const rocksdb_database& database, family which, const std::string& path,
                           Fill fill) {
  const rocksdb::Options options = database.table_options(which);
  // Its pages will be read soon: leave them in the page cache.
  rocksdb::SstFileWriter file(rocksdb::EnvOptions(options), options, nullptr,
                              /*invalidate_page_cache=*/false);
  if (rocksdb::Status status = file.Open(path); !status.ok())
    return status;
  const auto put = [&file](std::string_view key, std::string_view value) {
    return file.Put(key, value);
  };
  if (rocksdb::Status status = fill(put); !status.ok())
    return status;
  return file.Finish();
}

} // namespace

checkpoint_writer::checkpoint_writer(std::shared_ptr<rocksdb_database> database,
                                     std::size_t ingest_from_rows)
    : database_(std::move(database)), ingest_from_rows_(ingest_from_rows) {}

result<void> checkpoint_writer::write(const checkpoint& what) {
  const std::size_t rows = count_rows(what);
  // A checkpoint is what lets the journal shrink: it may use room that appends no longer get.
  const std::uint64_t needed = database_->min_free_bytes() / 4 + disk_bytes(what, rows);
  if (result<void> ready = database_->ready_to_write(needed); !ready)
    return ready;
  return rows == 0 || rows < ingest_from_rows_ ? write_batch(what) : ingest(what);
}

result<void> checkpoint_writer::write_batch(const checkpoint& what) {
  const auto session = database_->use();
  if (!session)
    return session.error();
  rocksdb::WriteBatch batch;
  const auto into = [&](family which) {
    return [&batch, handle = session->handle(which)](std::string_view key, std::string_view value) {
      return batch.Put(handle, key, value);
    };
  };
  rocksdb::Status status = put_events(what, into(family::events));
  if (status.ok())
    status = put_robots(what, into(family::robots));
  if (status.ok())
    status = put_markers(what, into(family::meta));
  if (status.ok()) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    status = session->db().Write(synced, &batch);
  }
  return database_->written(status, "checkpoint of " + std::to_string(what.robots.size()) +
                                        " robots into events and robots");
}

result<void> checkpoint_writer::ingest(const checkpoint& what) {
  // A file that an attempt before left behind may be a live table under its other name, and must
  // not be written over; what this attempt leaves behind takes room.
  if (auto emptied = database_->empty_checkpoint_dir(); !emptied)
    return emptied;
  rocksdb::Status status = build_files(what);
  if (status.ok()) {
    const auto session = database_->use();
    if (!session)
      return session.error();
    status = ingest_files(*session, !what.markers.empty());
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
  rocksdb::Status status = build_file(*database_, family::events, file_of(family::events),
                                      [&](auto put) { return put_events(what, put); });
  if (status.ok())
    status = build_file(*database_, family::robots, file_of(family::robots),
                        [&](auto put) { return put_robots(what, put); });
  if (status.ok() && !what.markers.empty())
    status = build_file(*database_, family::meta, file_of(family::meta),
                        [&](auto put) { return put_markers(what, put); });
  return status;
}

rocksdb::Status checkpoint_writer::ingest_files(const rocksdb_database::session& session,
                                                bool with_markers) const {
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
  add(family::events);
  add(family::robots);
  if (with_markers)
    add(family::meta);
  return session.db().IngestExternalFiles(files);
}

std::string checkpoint_writer::file_of(family which) const {
  return database_->checkpoint_dir() + "/" + std::to_string(static_cast<std::size_t>(which)) +
         ".sst";
}

} // namespace telemetry::detail
