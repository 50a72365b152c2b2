#include "storage/mysql/mysql_schema.hpp"

#include "storage/mysql/mysql_text.hpp"

#include <charconv>
#include <cppconn/exception.h>
#include <span>
#include <string_view>
#include <vector>

namespace telemetry::mysql {
namespace {

struct migration {
  const char* what;
  std::vector<std::string_view> statements;
};

// Robot names are VARBINARY, because the collations that compare bytewise without padding have
// different names on MySQL and MariaDB. Times are in milliseconds (docs/formats.md, "MySQL").

constexpr std::string_view create_meta = R"(CREATE TABLE IF NOT EXISTS meta (
  name VARBINARY(64) NOT NULL PRIMARY KEY,
  value VARBINARY(255) NOT NULL
) ENGINE=InnoDB)";

/// The head of every shard's journal, and the epoch of its owner, which is the fence.
constexpr std::string_view create_shards = R"(CREATE TABLE IF NOT EXISTS shards (
  shard INT UNSIGNED NOT NULL PRIMARY KEY,
  epoch BIGINT UNSIGNED NOT NULL,
  batch_no BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB)";

/// The start of each shard's replay. `writes` counts transactions, so that every update changes its
/// row.
constexpr std::string_view create_markers = R"(CREATE TABLE IF NOT EXISTS markers (
  shard INT UNSIGNED NOT NULL PRIMARY KEY,
  epoch BIGINT UNSIGNED NOT NULL,
  cut BIGINT UNSIGNED NOT NULL,
  arrival_ms BIGINT NOT NULL,
  horizon_ms BIGINT NOT NULL,
  last_counter BIGINT UNSIGNED NOT NULL,
  writes BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB)";

/// One row per shard and group commit, or several parts if a packet cannot hold the batch.
constexpr std::string_view create_journal = R"(CREATE TABLE IF NOT EXISTS journal (
  shard INT UNSIGNED NOT NULL,
  batch_no BIGINT UNSIGNED NOT NULL,
  part INT UNSIGNED NOT NULL,
  epoch BIGINT UNSIGNED NOT NULL,
  arrival_ms BIGINT NOT NULL,
  horizon_ms BIGINT NOT NULL,
  wall_ms BIGINT NOT NULL,
  kind TINYINT UNSIGNED NOT NULL,
  bytes INT UNSIGNED NOT NULL,
  payload LONGBLOB NOT NULL,
  PRIMARY KEY (shard, batch_no, part)
) ENGINE=InnoDB)";

// The nodes of a cluster, and which of them owns each shard (docs/formats.md).

constexpr std::string_view add_owner =
    "ALTER TABLE shards ADD COLUMN owner BIGINT UNSIGNED NOT NULL DEFAULT 0";

constexpr std::string_view create_cluster = R"(CREATE TABLE IF NOT EXISTS cluster (
  id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  version BIGINT UNSIGNED NOT NULL,
  next_inc BIGINT UNSIGNED NOT NULL,
  mode TINYINT UNSIGNED NOT NULL,
  level INT UNSIGNED NOT NULL,
  dead_after_ms BIGINT UNSIGNED NOT NULL,
  rebalance TINYINT UNSIGNED NOT NULL
) ENGINE=InnoDB)";

constexpr std::string_view begin_cluster =
    "INSERT IGNORE INTO cluster (id, version, next_inc, mode, level, dead_after_ms, rebalance)"
    " VALUES (1, 0, 1, 0, 1, 0, 1)";

constexpr std::string_view create_nodes = R"(CREATE TABLE IF NOT EXISTS nodes (
  inc BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  name VARBINARY(64) NOT NULL,
  state TINYINT UNSIGNED NOT NULL,
  hb BIGINT UNSIGNED NOT NULL,
  address VARBINARY(255) NOT NULL,
  http VARBINARY(255) NOT NULL,
  release_name VARBINARY(64) NOT NULL,
  nonce BIGINT UNSIGNED NOT NULL,
  protocol_min INT UNSIGNED NOT NULL,
  protocol_max INT UNSIGNED NOT NULL,
  level_max INT UNSIGNED NOT NULL,
  started_ms BIGINT NOT NULL
) ENGINE=InnoDB)";

constexpr std::string_view create_robots = R"(CREATE TABLE IF NOT EXISTS robots (
  name VARBINARY(600) NOT NULL PRIMARY KEY,
  id BIGINT UNSIGNED NOT NULL,
  last_timestamp BIGINT NOT NULL,
  last_x DOUBLE NOT NULL,
  last_y DOUBLE NOT NULL,
  odometer DOUBLE NOT NULL,
  events BIGINT UNSIGNED NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  UNIQUE KEY robots_by_id (id)
) ENGINE=InnoDB)";

constexpr std::string_view create_events = R"(CREATE TABLE IF NOT EXISTS events (
  robot BIGINT UNSIGNED NOT NULL,
  timestamp BIGINT NOT NULL,
  x DOUBLE NOT NULL,
  y DOUBLE NOT NULL,
  odometer DOUBLE NOT NULL,
  PRIMARY KEY (robot, timestamp)
) ENGINE=InnoDB)";

// Every view has a robot's name twice. `robot` is readable text. `name` is the stored key, for
// conditions and joins. FROM_UNIXTIME is not used, because it depends on the session's time zone.

constexpr std::string_view view_latest_positions =
    R"(CREATE OR REPLACE SQL SECURITY INVOKER VIEW latest_positions AS
SELECT name, CONVERT(name USING utf8mb4) AS robot,
  last_timestamp AS timestamp,
  TIMESTAMPADD(MICROSECOND, last_timestamp * 1000, CAST('1970-01-01' AS DATETIME(6))) AS time_utc,
  last_x AS x, last_y AS y, odometer, events
FROM robots)";

constexpr std::string_view view_event_list =
    R"(CREATE OR REPLACE SQL SECURITY INVOKER VIEW event_list AS
SELECT r.name AS name, CONVERT(r.name USING utf8mb4) AS robot,
  e.timestamp AS timestamp,
  TIMESTAMPADD(MICROSECOND, e.timestamp * 1000, CAST('1970-01-01' AS DATETIME(6))) AS time_utc,
  e.x AS x, e.y AS y, e.odometer AS odometer
FROM robots r JOIN events e ON e.robot = r.id)";

/// The distance between two events counts for the day of the second one. The view groups and
/// partitions by name, so that servers can apply a condition on name to the tables.
constexpr std::string_view view_distance_per_day =
    R"(CREATE OR REPLACE SQL SECURITY INVOKER VIEW distance_per_day AS
SELECT d.name AS name, CONVERT(d.name USING utf8mb4) AS robot,
  TIMESTAMPADD(DAY, d.day, CAST('1970-01-01' AS DATE)) AS day_utc,
  d.events AS events,
  d.upto - COALESCE(LAG(d.upto) OVER (PARTITION BY d.name ORDER BY d.day), d.since) AS distance
FROM (
  SELECT r.name AS name, e.timestamp DIV 86400000 AS day, COUNT(*) AS events,
    MIN(e.odometer) AS since, MAX(e.odometer) AS upto
  FROM robots r JOIN events e ON e.robot = r.id
  GROUP BY r.name, e.timestamp DIV 86400000
) d)";

const std::vector<migration>& migrations() {
  static const std::vector<migration> all{
      {"journal, markers, robots, events",
       {create_meta, create_shards, create_markers, create_journal, create_robots, create_events}},
      {"views for people", {view_latest_positions, view_event_list, view_distance_per_day}},
      {"nodes and owners", {add_owner, create_cluster, begin_cluster, create_nodes}}};
  return all;
}

std::string write_version(std::size_t version) {
  const std::string text = std::to_string(version);
  return "INSERT INTO meta (name, value) VALUES ('schema_version', '" + text +
         "') ON DUPLICATE KEY UPDATE value = VALUES(value)";
}

bool has_table(mysql_session& session, std::string_view name) {
  const sql_text ask("SELECT COUNT(*) FROM information_schema.tables"
                     " WHERE table_schema = DATABASE() AND table_name = '",
                     name, "'");
  mysql_rows rows = session.query(ask.str());
  return rows.next() && rows.number(1) > 0;
}

/// Runs a statement of a migration. ALTER TABLE has no IF NOT EXISTS in MySQL, so a column that is
/// there already is none to add.
void migrate_by(mysql_session& session, std::string_view statement) {
  constexpr int duplicate_column = 1060;
  try {
    session.update(std::string(statement));
  } catch (const sql::SQLException& thrown) {
    if (thrown.getErrorCode() != duplicate_column)
      throw;
  }
}

/// The version of the schema; 0 if there is none.
result<std::uint32_t> stored_version(mysql_session& session) {
  if (has_table(session, "meta")) {
    mysql_rows rows = session.query("SELECT value FROM meta WHERE name = 'schema_version'");
    if (rows.next()) {
      const std::string text = rows.bytes(1);
      std::uint32_t version = 0;
      if (std::from_chars(text.data(), text.data() + text.size(), version).ec == std::errc())
        return version;
      return failure{errc::version, "the table meta has the schema version \"" + text + "\""};
    }
    // The version 0 is written before any table other than meta is created.
  }
  for (const std::string_view name : {"shards", "markers", "journal", "robots", "events"})
    if (has_table(session, name))
      return failure{errc::version, "the database has a table \"" + std::string(name) +
                                        "\" that telemetryd did not make"};
  return std::uint32_t{0};
}

} // namespace

std::uint32_t mysql_schema_version() { return static_cast<std::uint32_t>(migrations().size()); }

std::string mysql_migrations() {
  std::string text;
  for (std::size_t i = 0; i < migrations().size(); ++i) {
    text += "-- " + std::to_string(i + 1) + ": " + migrations()[i].what + "\n";
    for (const std::string_view statement : migrations()[i].statements)
      text += std::string(statement) + ";\n";
    text += write_version(i + 1) + ";\n";
  }
  return text;
}

result<void> migrate(mysql_session& session) {
  const result<std::uint32_t> stored = stored_version(session);
  if (!stored)
    return stored.error();
  if (*stored > mysql_schema_version())
    return failure{errc::version, "the database has schema version " + std::to_string(*stored) +
                                      ", newer than " + std::to_string(mysql_schema_version()) +
                                      ", which this program knows"};
  if (*stored == 0) {
    session.update(std::string(create_meta));
    session.update(write_version(0));
  }
  for (std::size_t i = *stored; i < migrations().size(); ++i) {
    for (const std::string_view statement : migrations()[i].statements)
      migrate_by(session, statement);
    session.update(write_version(i + 1));
  }
  return {};
}

} // namespace telemetry::mysql
