#pragma once

#include "tests/contract/checkpoints.hpp"
#include "tests/contract/mysql_engine.hpp"
#include "tests/support/mysql_proxy.hpp"

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace telemetry::test {

/// An opened database with its journal and store.
struct opened_mysql {
  opened_mysql(std::shared_ptr<mysql::mysql_database> opened, const mysql::checkpoint_sizes& sizes)
      : database(std::move(opened)), log(database), store(database, sizes) {}
  std::shared_ptr<mysql::mysql_database> database;
  mysql::mysql_journal log;
  mysql::mysql_event_store store;
};

/// A database of its own, reached through a proxy that can break connections.
class mysql_test : public testing::Test {
protected:
  static constexpr std::uint32_t shards = 4;
  mysql_test_database direct_;
  mysql_proxy proxy_{direct_.options().socket};
  mysql::checkpoint_sizes sizes_;

  /// Options that lead through the proxy.
  [[nodiscard]] mysql_options options() const {
    mysql_options options = direct_.options();
    options.socket.clear();
    options.hosts = {{"127.0.0.1", proxy_.port()}};
    options.connect_timeout = std::chrono::seconds(1);
    options.read_timeout = std::chrono::seconds(2); // short waits for a lock that is held
    return options;
  }
  [[nodiscard]] result<std::shared_ptr<mysql::mysql_database>> try_open() const {
    return mysql::mysql_database::open(options(), shards);
  }
  /// Opens, or throws with the reason.
  [[nodiscard]] std::unique_ptr<opened_mysql> open() const {
    auto opened = try_open();
    if (!opened)
      throw std::runtime_error(opened.error().text);
    return std::make_unique<opened_mysql>(*opened, sizes_);
  }
  static result<void> append(journal& log, std::uint32_t shard, std::uint64_t batch_no,
                             const std::string& payload = "payload") {
    const std::array<std::string_view, 1> parts{payload};
    const std::array batches{
        journal_batch{shard, 1, {batch_no, 10, 5, 7}, record_kind::events, parts}};
    return log.append(batches);
  }
  static std::vector<std::string> payloads(journal& log, std::uint32_t shard,
                                           std::uint64_t after = 0) {
    std::vector<std::string> found;
    const auto outcome = log.replay(shard, after, [&](const journal_batch& batch) -> result<void> {
      found.emplace_back(batch.payload[0]);
      return {};
    });
    EXPECT_TRUE(outcome) << outcome.error().text;
    return found;
  }
};

inline statement_fate fate(statement_fate::kind what) { return {what}; }

} // namespace telemetry::test
