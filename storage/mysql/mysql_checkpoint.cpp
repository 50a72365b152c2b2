#include "storage/mysql/mysql_checkpoint.hpp"

#include "storage/journal.hpp"
#include "storage/row_check.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <thread>
#include <utility>

namespace telemetry::mysql {
namespace {

constexpr int duplicate_key = 1062;
/// Slices in one query for stored rows. Its text stays below 256 KiB.
constexpr std::size_t slices_per_query = 500;
/// Text of the longest row in bytes: a name of 600 bytes, each of them escaped, and numbers.
constexpr std::size_t row_bytes_max = 2048;

constexpr std::string_view insert_robots =
    "INSERT INTO robots (name, id, last_timestamp, last_x, last_y, odometer, events, created_ms,"
    " updated_ms) VALUES ";
// A transaction that is repeated after later ones must not set a robot back. If a name is stored
// with another id, or an id with another name, id becomes NULL, which the server refuses.
// last_timestamp is assigned last, because an assignment sees the results of those before it.
constexpr std::string_view update_robots =
    " ON DUPLICATE KEY UPDATE"
    " id = IF(name = VALUES(name) AND id = VALUES(id), id, NULL),"
    " last_x = IF(VALUES(last_timestamp) < last_timestamp, last_x, VALUES(last_x)),"
    " last_y = IF(VALUES(last_timestamp) < last_timestamp, last_y, VALUES(last_y)),"
    " odometer = IF(VALUES(last_timestamp) < last_timestamp, odometer, VALUES(odometer)),"
    " events = IF(VALUES(last_timestamp) < last_timestamp, events, VALUES(events)),"
    " created_ms = IF(VALUES(last_timestamp) < last_timestamp, created_ms, VALUES(created_ms)),"
    " updated_ms = IF(VALUES(last_timestamp) < last_timestamp, updated_ms, VALUES(updated_ms)),"
    " last_timestamp = GREATEST(last_timestamp, VALUES(last_timestamp))";
constexpr std::string_view insert_events =
    "INSERT INTO events (robot, timestamp, x, y, odometer) VALUES ";
constexpr std::string_view insert_markers =
    "INSERT INTO markers (shard, epoch, cut, arrival_ms, horizon_ms, last_counter, writes) VALUES ";
constexpr std::string_view update_markers =
    " ON DUPLICATE KEY UPDATE cut = GREATEST(cut, VALUES(cut)),"
    " arrival_ms = GREATEST(arrival_ms, VALUES(arrival_ms)),"
    " horizon_ms = GREATEST(horizon_ms, VALUES(horizon_ms)),"
    " last_counter = GREATEST(last_counter, VALUES(last_counter))";

/// Multi-row inserts of bounded size.
class row_inserter {
public:
  /// @param before, after texts of the statement around its rows; the caller keeps them alive.
  row_inserter(mysql_session& session, std::string_view before, std::string_view after,
               std::size_t rows_max)
      : session_(session), before_(before), after_(after), rows_max_(rows_max) {}

  /// Adds "(" `values` ")".
  template <class... Values>
  void add(const Values&... values) {
    text_.add(rows_ == 0 ? before_ : std::string_view(","), '(', values..., ')');
    ++rows_;
    if (rows_ == rows_max_ ||
        text_.size() + row_bytes_max + after_.size() > session_.statement_bytes_max())
      flush();
  }
  /// Sends the remaining rows. Call it at the end.
  void flush() {
    if (rows_ == 0)
      return;
    session_.update(text_.add(after_).str());
    text_.clear();
    rows_ = 0;
  }

private:
  mysql_session& session_;
  std::string_view before_;
  std::string_view after_;
  std::size_t rows_max_;
  std::size_t rows_ = 0;
  sql_text text_;
};

/// The state of `robot` at the last of its first `rows` rows. created and updated are those of the
/// whole checkpoint, because a replay from here ends at the same values.
robot_state state_after(const checkpoint::robot& robot, std::size_t rows) {
  robot_state state = robot.state;
  if (rows == robot.rows->size())
    return state;
  const event_row& last = (*robot.rows)[rows - 1].event;
  state.last_timestamp = last.timestamp;
  state.last = last.at;
  state.odometer = last.odometer;
  state.events -= robot.rows->size() - rows;
  return state;
}

/// Order of the outcomes of several connections: an error that a retry cannot cure comes last.
int severity(const result<void>& outcome) {
  if (outcome)
    return 0;
  switch (outcome.error().code) {
  case errc::unavailable:
    return 1;
  case errc::fenced:
    return 2;
  default:
    return 3;
  }
}

} // namespace

mysql_checkpoint::mysql_checkpoint(std::shared_ptr<mysql_database> database,
                                   const checkpoint_sizes& sizes, server_silence& calls)
    : database_(std::move(database)), sizes_(sizes), calls_(calls) {
  for (std::uint32_t shard = 0; shard < database_->shards(); ++shard)
    tenures_.push_back({shard, single_node_epoch});
}

/// A tenure that is new here begins with no transaction counted.
void mysql_checkpoint::begin(const checkpoint& what) {
  fenced_.clear();
  for (const tenure& one : what.tenures)
    if (std::exchange(tenures_[one.shard], one) != one)
      database_->written(one.shard) = 0;
}

result<void> mysql_checkpoint::write(const checkpoint& what) {
  begin(what);
  const std::vector<std::vector<piece>> lanes = plan(what);
  if (lanes.size() == 1 && lanes.front().size() == 1)
    return write_piece(lanes.front().front(), what.markers);
  std::vector<result<void>> outcomes(lanes.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < lanes.size(); ++i)
    threads.emplace_back([&, i] { outcomes[i] = write_lane(lanes[i]); });
  if (!lanes.empty())
    outcomes[0] = write_lane(lanes[0]);
  for (std::thread& thread : threads)
    thread.join();
  result<void> outcome;
  for (const result<void>& one : outcomes)
    if (severity(one) > severity(outcome))
      outcome = one;
  if (!outcome || what.markers.empty())
    return outcome;
  return write_piece({}, what.markers);
}

/// The pieces that each connection writes, in order. No two connections write the same robot.
std::vector<std::vector<mysql_checkpoint::piece>>
mysql_checkpoint::plan(const checkpoint& what) const {
  std::vector<const checkpoint::robot*> robots;
  std::size_t rows = 0;
  for (const checkpoint::robot& robot : what.robots) {
    robots.push_back(&robot);
    rows += robot.rows->size();
  }
  std::sort(robots.begin(), robots.end(),
            [](const auto* left, const auto* right) { return left->id < right->id; });
  const std::size_t connections = std::max<std::size_t>(1, database_->pool().options().writers);
  const std::size_t lane_rows = std::max(rows / connections + 1, sizes_.rows_per_transaction);

  std::vector<std::vector<piece>> lanes;
  std::size_t in_lane = lane_rows;
  std::size_t in_piece = 0;
  for (const checkpoint::robot* robot : robots) {
    if (in_lane >= lane_rows) {
      lanes.emplace_back(1);
      in_lane = in_piece = 0;
    }
    std::vector<piece>& lane = lanes.back();
    const std::size_t count = robot->rows->size();
    in_lane += count;
    for (std::size_t first = 0; first < count;) {
      if (in_piece > 0 && in_piece + (count - first) > sizes_.rows_per_transaction) {
        lane.emplace_back();
        in_piece = 0;
      }
      const std::size_t last = std::min(count, first + sizes_.rows_per_transaction);
      lane.back().push_back({robot, first, last});
      in_piece += last - first;
      first = last;
    }
  }
  return lanes;
}

result<void> mysql_checkpoint::write_lane(std::span<const piece> pieces) {
  for (const piece& one : pieces)
    if (result<void> written = write_piece(one, {}); !written)
      return written;
  return {};
}

result<void> mysql_checkpoint::write_piece(const piece& what,
                                           std::span<const shard_marker> markers) {
  bool compare = false;
  bool refused = false; // because some rows are stored already
  const auto work = [&](mysql_session& session) {
    try {
      return transact(session, what, markers, compare);
    } catch (const sql::SQLException& thrown) {
      refused = !compare && thrown.getErrorCode() == duplicate_key;
      throw;
    }
  };
  const std::string name = "checkpoint of " + std::to_string(what.size()) + " robots and " +
                           std::to_string(markers.size()) + " markers";
  result<void> outcome = database_->pool().run(name, mysql_pool::after_loss::repeat, work, &calls_);
  if (!refused)
    return outcome;
  compare = true;
  return database_->pool().run(name, mysql_pool::after_loss::repeat, work, &calls_);
}

result<void> mysql_checkpoint::transact(mysql_session& session, const piece& what,
                                        std::span<const shard_marker> markers, bool compare) {
  std::vector<std::uint32_t> shards;
  for (const slice& one : what)
    shards.push_back(shard_of_id(one.robot->id));
  for (const shard_marker& marker : markers)
    shards.push_back(marker.shard);
  std::sort(shards.begin(), shards.end());
  shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
  session.begin();
  if (auto claimed = claim(session, shards); !claimed)
    return claimed;
  if (compare) {
    const result<piece> fresh = without_stored(session, what);
    if (!fresh)
      return fresh.error();
    put_events(session, *fresh);
  } else {
    put_events(session, what);
  }
  put_robots(session, what);
  put_markers(session, markers);
  session.commit();
  for (const std::uint32_t shard : shards)
    ++database_->written(shard);
  return {};
}

/// Counts this transaction in the markers of `shards`, on the condition that their epochs are ours.
result<void> mysql_checkpoint::claim(mysql_session& session,
                                     std::span<const std::uint32_t> shards) {
  if (shards.empty())
    return {};
  if (shards.back() >= database_->shards())
    return failure{errc::corrupt, "a checkpoint names shard " + std::to_string(shards.back()) +
                                      " of " + std::to_string(database_->shards())};
  std::vector<tenure> ours;
  sql_text text("UPDATE markers SET writes = writes + 1");
  for (const std::uint32_t shard : shards) {
    text.add(ours.empty() ? " WHERE " : " OR ", "(shard = ", shard,
             " AND epoch = ", database_->fence_of(tenures_[shard]),
             " AND writes >= ", database_->written(shard).load(), ")");
    ours.push_back(tenures_[shard]);
  }
  if (session.update(text.str()) == shards.size())
    return {};
  std::vector<tenure> ended;
  const failure why = database_->why_refused(session, "markers", ours, ended);
  if (!ended.empty()) {
    const std::scoped_lock lock(mutex_);
    for (const tenure& one : ended)
      if (std::find(fenced_.begin(), fenced_.end(), one) == fenced_.end())
        fenced_.push_back(one);
  }
  if (why.code != errc::unavailable)
    return why;
  return database_->forgotten(session, "the table markers counts fewer checkpoints than were "
                                       "committed");
}

void mysql_checkpoint::put_robots(mysql_session& session, const piece& what) const {
  std::vector<const slice*> by_name;
  by_name.reserve(what.size());
  for (const slice& one : what)
    by_name.push_back(&one);
  std::sort(by_name.begin(), by_name.end(), [](const slice* left, const slice* right) {
    return left->robot->name < right->robot->name;
  });
  row_inserter rows(session, insert_robots, update_robots, sizes_.rows_per_statement);
  for (const slice* one : by_name) {
    const robot_state state = state_after(*one->robot, one->last);
    rows.add(sql_bytes{one->robot->name}, ',', one->robot->id, ',', state.last_timestamp, ',',
             state.last.x, ',', state.last.y, ',', state.odometer, ',', state.events, ',',
             state.created, ',', state.updated);
  }
  rows.flush();
}

void mysql_checkpoint::put_events(mysql_session& session, const piece& what) const {
  row_inserter rows(session, insert_events, "", sizes_.rows_per_statement);
  for (const slice& one : what)
    for (std::size_t i = one.first; i < one.last; ++i) {
      const event_row& row = (*one.robot->rows)[i].event;
      rows.add(one.robot->id, ',', row.timestamp, ',', row.at.x, ',', row.at.y, ',', row.odometer);
    }
  rows.flush();
}

void mysql_checkpoint::put_markers(mysql_session& session,
                                   std::span<const shard_marker> markers) const {
  row_inserter rows(session, insert_markers, update_markers, sizes_.rows_per_statement);
  for (const shard_marker& marker : markers)
    rows.add(marker.shard, ',', database_->fence_of(tenures_[marker.shard]), ',', marker.cut, ',',
             marker.arrival_ms, ',', marker.horizon_ms, ',', marker.last_counter, ",0");
  rows.flush();
}

/// The same piece without the rows that are stored already.
/// @returns errc::corrupt unless they are the first rows of a slice and bit-identical (rule 20).
result<mysql_checkpoint::piece> mysql_checkpoint::without_stored(mysql_session& session,
                                                                 const piece& what) const {
  piece fresh = what;
  for (std::size_t begin = 0; begin < fresh.size(); begin += slices_per_query) {
    const std::size_t end = std::min(fresh.size(), begin + slices_per_query);
    sql_text ask("SELECT robot, timestamp, x, y, odometer FROM events WHERE ");
    for (std::size_t i = begin; i < end; ++i) {
      const std::vector<track_row>& rows = *what[i].robot->rows;
      ask.add(i == begin ? "" : " OR ", "(robot = ", what[i].robot->id, " AND timestamp BETWEEN ",
              rows[what[i].first].event.timestamp, " AND ", rows[what[i].last - 1].event.timestamp,
              ")");
    }
    mysql_rows stored = session.query(ask.add(" ORDER BY robot, timestamp").str());
    std::size_t at = begin;
    while (stored.next()) {
      const robot_id id = stored.number(1);
      while (fresh[at].robot->id != id)
        ++at;
      slice& one = fresh[at];
      const event_row row{
          stored.signed_number(2), {stored.real(3), stored.real(4)}, stored.real(5)};
      if (!is_legal(row))
        return failure{errc::damaged_row,
                       "a stored row of robot \"" + std::string(one.robot->name) + "\" is damaged"};
      if (one.first == one.last || (*one.robot->rows)[one.first].event != row)
        return failure{errc::corrupt, "the checkpoint of robot \"" + std::string(one.robot->name) +
                                          "\" breaks its history: the row at " +
                                          std::to_string(row.timestamp) +
                                          " is stored already and differs"};
      ++one.first;
    }
  }
  return fresh;
}

} // namespace telemetry::mysql
