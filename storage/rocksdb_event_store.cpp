#include "storage/rocksdb_event_store.hpp"

#include "storage/rocksdb_format.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace telemetry::detail {
namespace {

/// Values of one sorted multi-get, in the order of `keys`; `read` turns (i, value) into what is
/// wanted, or nothing if it is damaged.
template <class T, class Read>
result<std::vector<std::optional<T>>> read_many(rocksdb_database& database, family which,
                                                std::span<const rocksdb::Slice> keys, Read read) {
  const auto session = database.use();
  if (!session)
    return session.error();
  std::vector<std::optional<T>> found(keys.size());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  session->db().MultiGet(rocksdb::ReadOptions(), session->handle(which), keys.size(), keys.data(),
                         values.data(), statuses.data(), /*sorted_input=*/true);
  const std::string_view table = which == family::events ? "events" : "robots";
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound())
      continue;
    if (!statuses[i].ok())
      if (auto failed = database.read(statuses[i], "reading table " + std::string(table)); !failed)
        return failed.error();
    found[i] = read(i, values[i].ToStringView());
    if (!found[i])
      return database.damaged("row " + keys[i].ToString(true) + " of table " + std::string(table));
  }
  return found;
}

/// Iterator over the rows of one robot with from <= timestamp <= to.
class robot_rows {
public:
  /// @param session must outlive this.
  robot_rows(const rocksdb_database& database, const rocksdb_database::session& session,
             robot_id robot, timestamp_ms from, timestamp_ms to)
      : database_(database), first_(make_event_key(robot, from)),
        behind_(make_event_key(robot, to + 1)), begin_(first_.view()), end_(behind_.view()) {
    rocksdb::ReadOptions options;
    options.iterate_lower_bound = &begin_;
    options.iterate_upper_bound = &end_;
    it_.reset(session.db().NewIterator(options, session.handle(family::events)));
  }
  robot_rows(const robot_rows&) = delete;
  robot_rows& operator=(const robot_rows&) = delete;
  void to_first() { it_->SeekToFirst(); }
  void to_last() { it_->SeekToLast(); }
  void next() { it_->Next(); }

  /// The row, nothing at the end.
  [[nodiscard]] result<std::optional<event_row>> row() const {
    if (!it_->Valid()) {
      if (auto outcome = database_.read(it_->status(), "reading table events"); !outcome)
        return outcome.error();
      return std::optional<event_row>();
    }
    std::optional<event_row> found =
        read_event(it_->key().ToStringView(), it_->value().ToStringView());
    if (!found)
      return database_.damaged("row " + it_->key().ToString(true) + " of table events");
    return found;
  }

private:
  const rocksdb_database& database_;
  event_key first_;
  event_key behind_;
  rocksdb::Slice begin_; ///< the iterator keeps pointers to these
  rocksdb::Slice end_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

} // namespace

rocksdb_event_store::rocksdb_event_store(std::shared_ptr<rocksdb_database> database,
                                         std::size_t ingest_from_rows)
    : database_(database), writer_(std::move(database), ingest_from_rows) {}

result<void> rocksdb_event_store::commit(const checkpoint& what) {
  if (auto checked = check_(what, *this); !checked)
    return checked;
  return writer_.write(what);
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
    if (auto outcome = database_->read(status, "reading the markers"); !outcome)
      return outcome.error();
    const std::optional<shard_marker> marker = read_marker(shard, value);
    if (!marker)
      return database_->damaged("marker of shard " + std::to_string(shard));
    found[shard] = *marker;
  }
  return found;
}

result<std::vector<std::optional<robot_row>>>
rocksdb_event_store::robots(std::span<const std::string_view> names) {
  const std::vector<rocksdb::Slice> keys(names.begin(), names.end());
  return read_many<robot_row>(
      *database_, family::robots, keys,
      [&](std::size_t i, std::string_view value) { return read_robot(names[i], value); });
}

result<std::vector<robot_row>> rocksdb_event_store::scan_robots(std::string_view after,
                                                                std::size_t limit) {
  const auto session = database_->use();
  if (!session)
    return session.error();
  std::vector<robot_row> rows;
  const std::unique_ptr<rocksdb::Iterator> it(
      session->db().NewIterator(rocksdb::ReadOptions(), session->handle(family::robots)));
  it->Seek(after);
  if (it->Valid() && it->key() == rocksdb::Slice(after))
    it->Next();
  for (; rows.size() < limit && it->Valid(); it->Next()) {
    std::optional<robot_row> row = read_robot(it->key().ToStringView(), it->value().ToStringView());
    if (!row)
      return database_->damaged("row " + it->key().ToString() + " of table robots");
    rows.push_back(std::move(*row));
  }
  if (auto outcome = database_->read(it->status(), "reading table robots"); !outcome)
    return outcome.error();
  return rows;
}

result<std::optional<event_row>> rocksdb_event_store::floor(robot_id robot, timestamp_ms at) {
  if (at < 0)
    return std::optional<event_row>();
  const auto session = database_->use();
  if (!session)
    return session.error();
  robot_rows rows(*database_, *session, robot, 0, at);
  rows.to_last();
  return rows.row();
}

result<std::optional<event_row>> rocksdb_event_store::ceil(robot_id robot, timestamp_ms at) {
  const auto session = database_->use();
  if (!session)
    return session.error();
  robot_rows rows(*database_, *session, robot, std::max<timestamp_ms>(at, 0), timestamp_max);
  rows.to_first();
  return rows.row();
}

result<std::vector<event_row>> rocksdb_event_store::scan(robot_id robot, timestamp_ms from,
                                                         timestamp_ms to, std::size_t limit) {
  std::vector<event_row> found;
  from = std::max<timestamp_ms>(from, 0);
  if (to < from)
    return found;
  const auto session = database_->use();
  if (!session)
    return session.error();
  robot_rows rows(*database_, *session, robot, from, std::min(to, timestamp_max));
  for (rows.to_first(); found.size() < limit; rows.next()) {
    const result<std::optional<event_row>> row = rows.row();
    if (!row)
      return row.error();
    if (!row->has_value())
      break;
    found.push_back(**row);
  }
  return found;
}

result<std::vector<std::optional<position>>> rocksdb_event_store::exact(std::span<const key> keys) {
  std::vector<event_key> bytes;
  bytes.reserve(keys.size());
  std::vector<rocksdb::Slice> slices;
  slices.reserve(keys.size());
  for (const key& one : keys) {
    bytes.push_back(make_event_key(one.robot, one.timestamp));
    slices.emplace_back(bytes.back().view());
  }
  return read_many<position>(*database_, family::events, slices,
                             [&](std::size_t i, std::string_view value) -> std::optional<position> {
                               const std::optional<event_row> row =
                                   read_event(bytes[i].view(), value);
                               return row ? std::optional<position>(row->at) : std::nullopt;
                             });
}

} // namespace telemetry::detail
