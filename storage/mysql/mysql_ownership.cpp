#include "storage/mysql/mysql_ownership.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace telemetry::mysql {
namespace {

constexpr std::string_view living = "state IN (1, 2)";
/// Rows of nodes that are gone are kept so long, for people.
constexpr std::int64_t kept_ms = 7 * 86'400'000LL;

bool raise_version(mysql_session& session, std::uint64_t from) {
  return session.update(
             sql_text("UPDATE cluster SET version = version + 1 WHERE id = 1 AND mode = 1"
                      " AND version = ",
                      from)
                 .str()) == 1;
}

/// Ends a transaction of conditional changes. @param is_done whether all rows changed. @returns it.
bool commit_if(mysql_session& session, bool is_done) {
  if (is_done)
    session.commit();
  else
    session.rollback();
  return is_done;
}

/// Gives shards away under the next epoch, in both tables (rule 34).
/// @returns false unless every shard had the epoch of its last tenure.
bool give(mysql_session& session, std::span<const ownership::takeover::gift> gifts) {
  if (gifts.empty())
    return true;
  sql_text owners("UPDATE shards SET epoch = epoch + 1, owner = CASE shard");
  for (const auto& [last, to] : gifts)
    owners.add(" WHEN ", last.shard, " THEN ", to);
  sql_text which;
  for (const auto& [last, to] : gifts)
    which.add(which.size() == 0 ? "" : " OR ", "(shard = ", last.shard, " AND epoch = ", last.epoch,
              ")");
  const auto count = [&](const sql_text& statement) { return session.update(statement.str()); };
  return count(owners.add(" END WHERE ", which.str())) == gifts.size() &&
         count(sql_text("UPDATE markers SET epoch = epoch + 1, writes = 0 WHERE ", which.str())) ==
             gifts.size();
}

cluster_node read_node(const mysql_rows& rows) {
  cluster_node one;
  one.inc = rows.number(1);
  one.name = rows.bytes(2);
  one.state = static_cast<node_state>(rows.number(3));
  one.beats = rows.number(4);
  one.address = rows.bytes(5);
  one.http = rows.bytes(6);
  one.release = rows.bytes(7);
  one.protocol_min = static_cast<std::uint32_t>(rows.number(8));
  one.protocol_max = static_cast<std::uint32_t>(rows.number(9));
  one.level_max = static_cast<std::uint32_t>(rows.number(10));
  one.started_ms = rows.signed_number(11);
  return one;
}

/// The reasons for which a node may not join.
result<void> check_join(const cluster_view& now, const cluster_node& self,
                        std::chrono::milliseconds dead_after,
                        std::span<const std::uint64_t> ended) {
  for (const cluster_node& one : now.nodes) {
    if (std::find(ended.begin(), ended.end(), one.inc) != ended.end())
      continue;
    if (one.name == self.name)
      return failure{errc::locked,
                     "another node named " + self.name + " is in the cluster, at " + one.address};
    if (now.dead_after != dead_after)
      return failure{errc::invalid_option,
                     "cluster.dead_after is " + std::to_string(dead_after.count()) +
                         " ms here and " + std::to_string(now.dead_after.count()) +
                         " ms on the other nodes"};
  }
  return {};
}

/// Ends these incarnations. @returns their shards, given to `heir`, ordered.
std::vector<ownership::takeover::gift> end_nodes(mysql_session& session,
                                                 std::span<const std::uint64_t> ended,
                                                 const cluster_view& now, std::uint64_t heir) {
  std::vector<ownership::takeover::gift> gifts;
  for (const std::uint64_t inc : ended)
    session.update(sql_text("UPDATE nodes SET state = 4 WHERE ", living, " AND inc = ", inc).str());
  for (std::uint32_t shard = 0; shard < now.owners.size(); ++shard)
    if (std::find(ended.begin(), ended.end(), now.owners[shard].inc) != ended.end())
      gifts.push_back({{shard, now.owners[shard].epoch}, heir});
  return gifts;
}

void insert_node(mysql_session& session, const cluster_node& self, std::uint64_t inc,
                 std::uint64_t nonce) {
  session.update(
      sql_text("INSERT INTO nodes (inc, name, state, hb, address, http, release_name, nonce,"
               " protocol_min, protocol_max, level_max, started_ms) VALUES (",
               inc, ", ", sql_bytes{self.name}, ", 1, 0, ", sql_bytes{self.address}, ", ",
               sql_bytes{self.http}, ", ", sql_bytes{self.release}, ", ", nonce, ", ",
               self.protocol_min, ", ", self.protocol_max, ", ", self.level_max, ", ",
               self.started_ms, ")")
          .str());
}

} // namespace

mysql_ownership::mysql_ownership(std::shared_ptr<mysql_database> database)
    : database_(std::move(database)) {}

/// Runs `work(session)` once: its outcome may be unknown afterwards.
template <class Work>
auto mysql_ownership::run(const char* what, Work work) {
  return database_->pool().run(what, mysql_pool::after_loss::fail, work);
}

result<cluster_view> mysql_ownership::read(mysql_session& session, const cluster_view* known) {
  const std::string_view ask_version =
      "SELECT version, level, dead_after_ms, rebalance, mode FROM cluster WHERE id = 1";
  cluster_view now;
  mysql_rows row = session.query(std::string(ask_version));
  if (!row.next() || row.number(5) != 1)
    return failure{errc::invalid_option, "the database is used by a single node"};
  now.version = row.number(1);
  now.level = static_cast<std::uint32_t>(row.number(2));
  now.dead_after = std::chrono::milliseconds(row.number(3));
  now.rebalances = row.number(4) != 0;
  mysql_rows nodes = session.query(
      sql_text("SELECT inc, name, state, hb, address, http, release_name, protocol_min,"
               " protocol_max, level_max, started_ms FROM nodes WHERE ",
               living, " ORDER BY inc")
          .str());
  while (nodes.next())
    now.nodes.push_back(read_node(nodes));
  if (known != nullptr && known->version == now.version) {
    now.owners = known->owners;
    return now;
  }
  mysql_rows owners = session.query("SELECT epoch, owner FROM shards ORDER BY shard");
  while (owners.next())
    now.owners.push_back({owners.number(1), owners.number(2)});
  mysql_rows again = session.query(std::string(ask_version));
  if (!again.next() || again.number(1) != now.version)
    return failure{errc::unavailable, "the cluster changed meanwhile"};
  return now;
}

result<cluster_view> mysql_ownership::view() {
  constexpr int attempts_max = 5;
  result<cluster_view> now = failure{errc::unavailable, "not read"};
  for (int attempt = 0; attempt < attempts_max && !now; ++attempt) {
    bool is_behind = false;
    now = database_->pool().run("reading the cluster", mysql_pool::after_loss::repeat,
                                [&](mysql_session& session) {
                                  auto seen = read(session, last_ ? &*last_ : nullptr);
                                  is_behind = seen && last_ && seen->version < last_->version;
                                  if (is_behind)
                                    database_->pool().leave(session);
                                  return seen;
                                });
    if (now && is_behind)
      now = failure{errc::unavailable, "the server is behind: it has an older cluster"};
    else if (!now && now.error().code != errc::unavailable)
      break;
  }
  if (now)
    last_ = *now;
  return now;
}

result<std::uint64_t> mysql_ownership::join(const cluster_node& self, std::uint64_t nonce,
                                            std::chrono::milliseconds dead_after,
                                            std::span<const std::uint64_t> ended) {
  return run("joining the cluster", [&](mysql_session& session) -> result<std::uint64_t> {
    mysql_rows before =
        session.query(sql_text("SELECT inc FROM nodes WHERE nonce = ", nonce).str());
    if (before.next())
      return before.number(1);
    const auto now = read(session, nullptr);
    if (!now)
      return now.error();
    if (auto fits = check_join(*now, self, dead_after, ended); !fits)
      return fits.error();
    session.begin();
    const auto refuse = [&session] {
      session.rollback();
      return failure{errc::unavailable, "the cluster changed meanwhile"};
    };
    if (!raise_version(session, now->version))
      return refuse();
    session.update(sql_text("UPDATE cluster SET next_inc = next_inc + 1, dead_after_ms = ",
                            dead_after.count(), " WHERE id = 1")
                       .str());
    mysql_rows next = session.query("SELECT next_inc - 1 FROM cluster WHERE id = 1");
    if (!next.next())
      return refuse();
    const std::uint64_t inc = next.number(1);
    session.update(sql_text("DELETE FROM nodes WHERE state IN (3, 4) AND started_ms < ",
                            self.started_ms - kept_ms)
                       .str());
    const auto gifts = end_nodes(session, ended, *now, inc);
    insert_node(session, self, inc, nonce);
    if (!give(session, gifts))
      return refuse();
    session.commit();
    return inc;
  });
}

result<void> mysql_ownership::beat(std::uint64_t inc) {
  if (std::exchange(beating_, inc) != inc)
    beats_ = 0;
  return run("heartbeat", [&](mysql_session& session) -> result<void> {
    if (session.update(
            sql_text("UPDATE nodes SET hb = hb + 1 WHERE inc = ", inc, " AND ", living).str()) ==
        1) {
      ++beats_;
      return {};
    }
    return why_no_beat(session, inc);
  });
}

/// Rule 35: a server that does not have the node, or fewer of its beats, is behind.
result<void> mysql_ownership::why_no_beat(mysql_session& session, std::uint64_t inc) {
  mysql_rows row = session.query(sql_text("SELECT state, hb FROM nodes WHERE inc = ", inc).str());
  if (row.next() && row.number(2) >= beats_ && row.number(1) > 2)
    return failure{errc::fenced, "another node has taken this one for dead"};
  database_->pool().leave(session);
  return failure{errc::unavailable, session.description() + " is behind: it lacks heartbeats"};
}

result<bool> mysql_ownership::take_over(const takeover& what) {
  return run("takeover", [&](mysql_session& session) -> result<bool> {
    session.begin();
    const bool is_done =
        raise_version(session, what.version) &&
        (!what.ended ||
         session.update(sql_text("UPDATE nodes SET state = 4 WHERE inc = ", what.ended->inc,
                                 " AND ", living, " AND hb = ", what.ended->beats)
                            .str()) == 1) &&
        give(session, what.gifts);
    return commit_if(session, is_done);
  });
}

result<bool> mysql_ownership::hand_off(const tenure& of, std::uint64_t from, std::uint64_t to) {
  return run("hand-off", [&](mysql_session& session) -> result<bool> {
    session.begin();
    session.update("UPDATE cluster SET version = version + 1 WHERE id = 1 AND mode = 1");
    const sql_text is_taker("EXISTS (SELECT 1 FROM nodes WHERE inc = ", to,
                            from == to ? " AND state IN (1, 2))" : " AND state = 1)");
    const bool is_done =
        session.update(sql_text("UPDATE shards SET epoch = epoch + 1, owner = ", to,
                                " WHERE shard = ", of.shard, " AND epoch = ", of.epoch,
                                " AND owner = ", from, " AND ", is_taker.str())
                           .str()) == 1 &&
        session.update(sql_text("UPDATE markers SET epoch = epoch + 1, writes = 0 WHERE shard = ",
                                of.shard, " AND epoch = ", of.epoch)
                           .str()) == 1;
    return commit_if(session, is_done);
  });
}

result<void> mysql_ownership::leave(std::uint64_t inc, node_state state) {
  return run("leaving the cluster", [&](mysql_session& session) -> result<void> {
    session.begin();
    session.update("UPDATE cluster SET version = version + 1 WHERE id = 1 AND mode = 1");
    const sql_text change("UPDATE nodes SET state = ", static_cast<unsigned>(state),
                          " WHERE inc = ", inc, " AND ", living);
    commit_if(session, session.update(change.str()) == 1); // else it was so already
    return {};
  });
}

} // namespace telemetry::mysql
