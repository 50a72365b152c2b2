#include "bench/macro/peer_run.hpp"
#include "bench/macro/producer.hpp"

#include <algorithm>
#include <cppconn/connection.h>
#include <cppconn/driver.h>
#include <cppconn/exception.h>
#include <cppconn/statement.h>
#include <optional>
#include <thread>

namespace telemetry::bench {

namespace {

constexpr int server_gone = 2006;
constexpr int server_lost = 2013;

struct worker_result {
  std::uint64_t acknowledged = 0;
  std::vector<std::int64_t> latencies_ns;
  /// Why it ended early, unless the server was to be killed.
  std::optional<std::string> error;
};

/// Rows in the order of the primary key: cheapest for the server.
void write_insert(std::string& sql, std::vector<event_fields>& rows) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.robot < b.robot; });
  sql = "INSERT INTO telemetry.events (robot,timestamp,x,y) VALUES ";
  for (const auto& row : rows) {
    sql.append("('").append(row.robot).append("',").append(row.timestamp).append(",");
    sql.append(row.x).append(",").append(row.y).append("),");
  }
  sql.pop_back();
}

void insert_all(sql::Connection& connection, const peer_options& options, connection_feed& feed,
                worker_result& result) {
  const std::unique_ptr<sql::Statement> statement(connection.createStatement());
  std::string sql;
  for (std::uint64_t i = 0; i < options.requests_per_connection; ++i) {
    const auto events = feed.next();
    std::vector<event_fields> rows(events.begin(), events.end());
    const auto start = now_ns();
    write_insert(sql, rows);
    statement->executeUpdate(sql);
    result.latencies_ns.push_back(now_ns() - start);
    ++result.acknowledged;
  }
}

void work(sql::Driver& driver, sql::Connection& connection, const peer_options& options,
          fleet& events, std::size_t number, worker_result& result) {
  driver.threadInit();
  try {
    // Lanes share nothing in a fleet, so connections can be fed by several threads.
    connection_feed feed(events, options, number);
    insert_all(connection, options, feed, result);
  } catch (const sql::SQLException& error) {
    const auto code = error.getErrorCode();
    if (!options.until_killed || (code != server_gone && code != server_lost))
      result.error = error.what();
  }
  driver.threadEnd();
}

} // namespace

peer_tally run_mysql(const peer_options& options, fleet& events) {
  auto& driver = *get_driver_instance();
  std::vector<std::unique_ptr<sql::Connection>> connections;
  try {
    for (std::size_t number = 0; number < options.connections; ++number)
      connections.emplace_back(
          driver.connect("tcp://127.0.0.1:" + std::to_string(options.port), "root", ""));
  } catch (const sql::SQLException& error) {
    throw refused(error.what());
  }
  std::vector<worker_result> results(options.connections);
  const auto start = now_ns();
  {
    std::vector<std::jthread> threads;
    for (std::size_t number = 0; number < options.connections; ++number)
      threads.emplace_back([&, number] {
        work(driver, *connections[number], options, events, number, results[number]);
      });
  }
  peer_tally tally;
  tally.seconds = static_cast<double>(now_ns() - start) / 1e9;
  for (const auto& result : results) {
    if (result.error)
      throw refused(*result.error);
    tally.acknowledged.push_back(result.acknowledged);
    for (const auto latency : result.latencies_ns)
      tally.latency.record(latency);
  }
  return tally;
}

} // namespace telemetry::bench
