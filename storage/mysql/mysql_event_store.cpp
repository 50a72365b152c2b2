#include "storage/mysql/mysql_event_store.hpp"

#include "storage/mysql/mysql_text.hpp"
#include "storage/row_check.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace telemetry::mysql {
namespace {

/// Names, keys or shards in one query. Its text stays below 256 KiB, the smallest allowed packet.
constexpr std::size_t keys_per_query = 150;
constexpr std::size_t rows_per_page = 8192;

constexpr std::string_view robot_columns = "SELECT name, id, last_timestamp, last_x, last_y,"
                                           " odometer, events, created_ms, updated_ms FROM robots";
constexpr std::string_view event_columns = "SELECT timestamp, x, y, odometer FROM events";

robot_row read_robot(const mysql_rows& rows) {
  return {rows.bytes(1),
          rows.number(2),
          {rows.signed_number(3),
           {rows.real(4), rows.real(5)},
           rows.real(6),
           rows.number(7),
           rows.signed_number(8),
           rows.signed_number(9)}};
}

event_row read_event(const mysql_rows& rows) {
  return {rows.signed_number(1), {rows.real(2), rows.real(3)}, rows.real(4)};
}

/// A row that somebody else has written, or that came back altered.
failure damaged_robot_row(std::string_view name) {
  return {errc::damaged_row,
          "the row of \"" + std::string(name) + "\" in the table robots is damaged"};
}

failure damaged_event_row(robot_id robot, timestamp_ms timestamp) {
  return {errc::damaged_row, "the row (" + std::to_string(robot) + ", " +
                                 std::to_string(timestamp) + ") of the table events is damaged"};
}

/// The first of `rows`, if there is one.
result<std::optional<event_row>> read_one(robot_id robot, mysql_rows rows) {
  if (!rows.next())
    return std::optional<event_row>();
  const event_row row = read_event(rows);
  if (!is_legal(row))
    return damaged_event_row(robot, row.timestamp);
  return std::optional(row);
}

/// Calls `piece(first, count)` for each `size` of `total` items, until a call fails.
template <class Piece>
result<void> in_pieces(std::size_t total, std::size_t size, Piece piece) {
  for (std::size_t first = 0; first < total; first += size)
    if (result<void> done = piece(first, std::min(size, total - first)); !done)
      return done;
  return {};
}

/// The SQL condition that finds `keys`. It is spelled out per robot, because MariaDB reads the
/// whole table for (robot, timestamp) IN (…).
std::string match_keys(std::span<const event_store::key> keys) {
  sql_text text;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const bool same_robot = i > 0 && keys[i - 1].robot == keys[i].robot;
    if (same_robot)
      text.add(", ", keys[i].timestamp);
    else
      text.add(i == 0 ? "" : ")) OR ", "(robot = ", keys[i].robot, " AND timestamp IN (",
               keys[i].timestamp);
  }
  return text.add("))").str();
}

/// Raises last_counter to the highest counter in the table robots. It may be higher than in the
/// marker, because a checkpoint writes markers last and a crash may come before. Ids of stored
/// robots must not be given again (rule 19).
void raise_counters(mysql_session& session, std::span<shard_marker> markers) {
  constexpr robot_id counter_mask = first_id_of(1) - 1;
  sql_text ask;
  for (const shard_marker& one : markers)
    ask.add(ask.size() == 0 ? "" : " UNION ALL ", "SELECT ", one.shard,
            " AS shard, COALESCE(MAX(id), 0) AS id FROM robots WHERE id BETWEEN ",
            first_id_of(one.shard), " AND ", first_id_of(one.shard) | counter_mask);
  mysql_rows rows = session.query(ask.str());
  while (rows.next()) {
    std::uint64_t& counter = markers[rows.number(1) - markers.front().shard].last_counter;
    counter = std::max(counter, rows.number(2) & counter_mask);
  }
}

} // namespace

mysql_event_store::mysql_event_store(std::shared_ptr<mysql_database> database,
                                     const checkpoint_sizes& sizes)
    : database_(database), writer_(std::move(database), sizes, commits_) {}

template <class Work>
auto mysql_event_store::read(std::string_view table, Work work) {
  return database_->pool().run("reading the table " + std::string(table),
                               mysql_pool::after_loss::repeat, work, &reads_);
}

result<std::vector<damaged_robot>> mysql_event_store::commit(const checkpoint& what) {
  auto damaged = check_(what, *this);
  if (!damaged || !damaged->empty())
    return damaged;
  const auto written = writer_.write(what);
  if (written)
    return damaged;
  if (written.error().code != errc::damaged_row)
    return written.error();
  // The check above may have looked at a few robots only.
  damaged = find_damaged(what, *this);
  if (damaged && damaged->empty())
    return failure{errc::unavailable, written.error().text}; // it is mended by now
  return damaged;
}

result<std::vector<shard_marker>> mysql_event_store::markers() {
  return read("markers", [this](mysql_session& session) -> result<std::vector<shard_marker>> {
    mysql_rows rows = session.query("SELECT shard, cut, arrival_ms, horizon_ms, last_counter"
                                    " FROM markers ORDER BY shard");
    std::vector<shard_marker> found;
    while (rows.next())
      found.push_back({static_cast<std::uint32_t>(rows.number(1)), rows.number(2),
                       rows.signed_number(3), rows.signed_number(4), rows.number(5)});
    if (found.size() != database_->shards())
      return failure{errc::corrupt, "the table markers has " + std::to_string(found.size()) +
                                        " rows, not " + std::to_string(database_->shards())};
    const auto piece = [&](std::size_t first, std::size_t count) -> result<void> {
      raise_counters(session, std::span(found).subspan(first, count));
      return {};
    };
    if (auto done = in_pieces(found.size(), keys_per_query, piece); !done)
      return done.error();
    return found;
  });
}

result<std::vector<robot_outcome>>
mysql_event_store::robots(std::span<const std::string_view> names) {
  return read("robots", [&](mysql_session& session) {
    std::vector<robot_outcome> found(names.size(), std::optional<robot_row>());
    const auto piece = [&](std::size_t first, std::size_t count) -> result<void> {
      sql_text ask(robot_columns, " WHERE name IN (");
      for (std::size_t i = 0; i < count; ++i)
        ask.add(i == 0 ? "" : ", ", sql_bytes{names[first + i]});
      mysql_rows rows = session.query(ask.add(") ORDER BY name").str());
      std::size_t at = first;
      while (rows.next()) {
        const robot_row row = read_robot(rows);
        while (at < first + count && names[at] < row.name)
          ++at;
        for (; at < first + count && names[at] == row.name; ++at)
          found[at] =
              is_legal(row.id, row.state) ? robot_outcome(row) : damaged_robot_row(row.name);
      }
      return {};
    };
    const auto done = in_pieces(names.size(), keys_per_query, piece);
    return done ? result<std::vector<robot_outcome>>(std::move(found)) : done.error();
  });
}

result<robot_page> mysql_event_store::scan_robots(std::string_view after, std::string_view before,
                                                  std::size_t limit) {
  return read("robots", [&](mysql_session& session) -> result<robot_page> {
    robot_page found;
    std::string last(after);
    for (bool more = true; more && found.rows.size() < limit;) {
      const std::size_t wanted = std::min(rows_per_page, limit - found.rows.size());
      auto text = sql_text(robot_columns, " WHERE name > ", sql_bytes{last});
      if (!before.empty())
        text.add(" AND name < ", sql_bytes{before});
      mysql_rows rows = session.query(text.add(" ORDER BY name LIMIT ", wanted).str());
      std::size_t count = 0;
      for (; rows.next(); ++count) {
        robot_row row = read_robot(rows);
        last = row.name;
        if (is_legal(row.id, row.state))
          found.rows.push_back(std::move(row));
        else
          found.damaged.push_back({row.name, damaged_robot_row(row.name)});
      }
      more = count == wanted;
    }
    return found;
  });
}

result<std::optional<event_row>> mysql_event_store::floor(robot_id robot, timestamp_ms at) {
  return read("events", [&](mysql_session& session) -> result<std::optional<event_row>> {
    mysql_rows rows =
        session.query(sql_text(event_columns, " WHERE robot = ", robot, " AND timestamp <= ", at,
                               " ORDER BY timestamp DESC LIMIT 1")
                          .str());
    return read_one(robot, std::move(rows));
  });
}

result<std::optional<event_row>> mysql_event_store::ceil(robot_id robot, timestamp_ms at) {
  return read("events", [&](mysql_session& session) -> result<std::optional<event_row>> {
    mysql_rows rows =
        session.query(sql_text(event_columns, " WHERE robot = ", robot, " AND timestamp >= ", at,
                               " ORDER BY timestamp LIMIT 1")
                          .str());
    return read_one(robot, std::move(rows));
  });
}

result<std::vector<event_row>> mysql_event_store::scan(robot_id robot, timestamp_ms from,
                                                       timestamp_ms to, std::size_t limit) {
  return read("events", [&](mysql_session& session) -> result<std::vector<event_row>> {
    std::vector<event_row> found;
    for (bool more = from <= to; more && found.size() < limit;) {
      const std::size_t wanted = std::min(rows_per_page, limit - found.size());
      mysql_rows rows = session.query(
          sql_text(event_columns, " WHERE robot = ", robot,
                   " AND timestamp >= ", found.empty() ? from : found.back().timestamp + 1,
                   " AND timestamp <= ", to, " ORDER BY timestamp LIMIT ", wanted)
              .str());
      const std::size_t before = found.size();
      while (rows.next()) {
        found.push_back(read_event(rows));
        if (!is_legal(found.back()))
          return damaged_event_row(robot, found.back().timestamp);
      }
      more = found.size() - before == wanted;
    }
    return found;
  });
}

result<std::vector<position_outcome>> mysql_event_store::exact(std::span<const key> keys) {
  return read("events", [&](mysql_session& session) {
    std::vector<position_outcome> found(keys.size(), std::optional<position>());
    const auto piece = [&](std::size_t first, std::size_t count) -> result<void> {
      mysql_rows rows = session.query(sql_text("SELECT robot, timestamp, x, y FROM events WHERE ",
                                               match_keys(keys.subspan(first, count)),
                                               " ORDER BY robot, timestamp")
                                          .str());
      std::size_t at = first;
      while (rows.next()) {
        const key stored{rows.number(1), rows.signed_number(2)};
        while (at < first + count && keys[at] < stored)
          ++at;
        const event_row row{stored.timestamp, {rows.real(3), rows.real(4)}, 0};
        for (; at < first + count && keys[at] == stored; ++at)
          found[at] = is_legal(row) ? position_outcome(std::optional(row.at))
                                    : damaged_event_row(stored.robot, stored.timestamp);
      }
      return {};
    };
    const auto done = in_pieces(keys.size(), keys_per_query, piece);
    return done ? result<std::vector<position_outcome>>(std::move(found)) : done.error();
  });
}

std::chrono::milliseconds mysql_event_store::silence() const {
  return std::max(reads_.silence(), commits_.silence());
}

} // namespace telemetry::mysql
