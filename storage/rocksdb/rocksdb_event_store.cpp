#include "storage/rocksdb/rocksdb_event_store.hpp"

#include "storage/rocksdb/page_cache_only.hpp"
#include "storage/rocksdb/rocksdb_block_cursor.hpp"
#include "storage/rocksdb/rocksdb_format.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace telemetry::rocks {
namespace {

/// At or below every name. Keys of checkpoint numbers are below it (checkpoint_chain.hpp).
constexpr std::string_view least_name{"\x01"};

} // namespace

rocksdb_event_store::rocksdb_event_store(std::shared_ptr<rocksdb_database> database,
                                         std::size_t ingest_from_entries,
                                         std::size_t file_reads_max)
    : database_(database), writer_(std::move(database), ingest_from_entries),
      file_reads_max_(file_reads_max) {}

result<std::vector<damaged_robot>> rocksdb_event_store::commit(const checkpoint& what) {
  auto damaged = check_(what, *this);
  if (!damaged || !damaged->empty())
    return damaged;
  if (auto written = writer_.write(what); !written)
    return written.error();
  return damaged;
}

result<std::vector<shard_marker>> rocksdb_event_store::markers() {
  const auto session = database_->use();
  if (!session)
    return session.error();
  std::vector<shard_marker> found(database_->shards());
  for (std::uint32_t shard = 0; shard < found.size(); ++shard) {
    found[shard].shard = shard;
    std::string value;
    const marker_key marker_of = make_marker_key(shard);
    const rocksdb::Status status = session->db().Get(
        rocksdb::ReadOptions(), session->handle(family::meta), marker_of.view(), &value);
    if (status.IsNotFound())
      continue;
    if (auto outcome = database_->read(status, "reading the markers", errc::corrupt); !outcome)
      return outcome.error();
    const std::optional<shard_marker> marker = read_marker(shard, value);
    if (!marker)
      return database_->damaged("marker of shard " + std::to_string(shard), errc::corrupt);
    found[shard] = *marker;
  }
  return found;
}

result<std::vector<robot_outcome>>
rocksdb_event_store::robots(std::span<const std::string_view> names) {
  const auto session = database_->use();
  if (!session)
    return session.error();
  const std::vector<rocksdb::Slice> keys(names.begin(), names.end());
  std::vector<robot_outcome> found(keys.size(), std::optional<robot_row>());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  session->db().MultiGet(rocksdb::ReadOptions(), session->handle(family::robots), keys.size(),
                         keys.data(), values.data(), statuses.data(), /*sorted_input=*/true);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound())
      continue;
    if (auto outcome = database_->read(statuses[i], "reading table robots"); !outcome) {
      if (outcome.error().code != errc::damaged_row)
        return outcome.error();
      found[i] = outcome.error();
    } else if (auto row = read_robot(names[i], values[i].ToStringView())) {
      found[i] = std::move(row);
    } else {
      found[i] = database_->damaged("row " + keys[i].ToString() + " of table robots");
    }
  }
  return found;
}

result<robot_page> rocksdb_event_store::scan_robots(std::string_view after, std::string_view before,
                                                    std::size_t limit) {
  const auto session = database_->use();
  if (!session)
    return session.error();
  robot_page page;
  page.rows.reserve(std::min<std::size_t>(limit, 4'096)); // a piece of a list has at most as many
  const rocksdb::Slice end(before);
  rocksdb::ReadOptions options;
  if (!before.empty())
    options.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> it(
      session->db().NewIterator(options, session->handle(family::robots)));
  it->Seek(after.empty() ? least_name : after);
  if (it->Valid() && it->key() == rocksdb::Slice(after))
    it->Next();
  for (; page.rows.size() < limit && it->Valid(); it->Next()) {
    std::optional<robot_row> row = read_robot(it->key().ToStringView(), it->value().ToStringView());
    if (row)
      page.rows.push_back(std::move(*row));
    else
      page.damaged.push_back(
          {it->key().ToString(),
           database_->damaged("row " + it->key().ToString() + " of table robots")});
  }
  if (auto outcome = database_->read(it->status(), "reading table robots"); !outcome)
    return outcome.error();
  return page;
}

result<std::optional<event_row>> rocksdb_event_store::floor(robot_id robot, timestamp_ms at) {
  const auto session = database_->use();
  if (!session)
    return session.error();
  return block_cursor(*database_, *session).floor(robot, at);
}

result<std::optional<event_row>> rocksdb_event_store::ceil(robot_id robot, timestamp_ms at) {
  const auto session = database_->use();
  if (!session)
    return session.error();
  return block_cursor(*database_, *session).ceil(robot, at);
}

result<range_ends> rocksdb_event_store::ends(robot_id robot, timestamp_ms from, timestamp_ms to) {
  const auto session = database_->use();
  if (!session)
    return session.error();
  return block_cursor(*database_, *session).ends(robot, from, to);
}

result<std::vector<event_row>> rocksdb_event_store::scan(robot_id robot, timestamp_ms from,
                                                         timestamp_ms to, std::size_t limit) {
  std::vector<event_row> found;
  const auto session = database_->use();
  if (!session)
    return session.error();
  block_cursor blocks(*database_, *session);
  if (auto outcome = blocks.scan(robot, from, to, limit, found); !outcome)
    return outcome.error();
  return found;
}

result<std::vector<position_outcome>> rocksdb_event_store::exact(std::span<const key> keys) {
  std::vector<position_outcome> found(keys.size(), std::optional<position>());
  const auto session = database_->use();
  if (!session)
    return session.error();
  block_cursor blocks(*database_, *session);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto row = blocks.ceil(keys[i].robot, keys[i].timestamp);
    if (!row && row.error().code != errc::damaged_row)
      return row.error();
    if (!row)
      found[i] = row.error();
    else if (*row && (*row)->timestamp == keys[i].timestamp)
      found[i] = std::optional((*row)->at);
  }
  return found;
}

std::optional<std::optional<robot_row>> rocksdb_event_store::cached_robot(std::string_view name) {
  const auto session = database_->try_use();
  if (!session)
    return std::nullopt;
  const page_cache_only at_once(file_reads_max_);
  rocksdb::PinnableSlice value;
  const rocksdb::Status status =
      session->db().Get(rocksdb::ReadOptions(), session->handle(family::robots), name, &value);
  if (status.IsNotFound())
    return std::make_optional(std::optional<robot_row>());
  if (!status.ok())
    return std::nullopt;
  auto row = read_robot(name, value.ToStringView());
  if (!row)
    return std::nullopt; // damaged; robots() reports it
  return std::make_optional(std::move(row));
}

std::optional<range_ends> rocksdb_event_store::cached_ends(robot_id robot, timestamp_ms from,
                                                           timestamp_ms to) {
  const auto session = database_->try_use();
  if (!session)
    return std::nullopt;
  const page_cache_only at_once(file_reads_max_);
  const auto found = block_cursor(*database_, *session).ends(robot, from, to);
  return found ? std::make_optional(*found) : std::nullopt;
}

} // namespace telemetry::rocks
