#pragma once

#include "storage/mysql/mysql_database.hpp"
#include "storage/mysql/mysql_event_store.hpp"
#include "storage/mysql/mysql_journal.hpp"
#include "tests/contract/engines.hpp"

#include <memory>
#include <string>
#include <vector>

namespace telemetry::test {

/// A database of its own for one test, on the server whose unix socket is in the environment
/// variable TELEMETRY_TEST_MYSQL; dropped at the end.
class mysql_test_database {
public:
  /// Throws with a sentence how to start a server if there is none: a test that needs one fails.
  mysql_test_database();
  ~mysql_test_database();
  mysql_test_database(const mysql_test_database&) = delete;
  mysql_test_database& operator=(const mysql_test_database&) = delete;

  [[nodiscard]] const mysql_options& options() const noexcept { return options_; }
  /// The port on which the same server listens on 127.0.0.1.
  [[nodiscard]] std::uint16_t port();

  /// Runs a statement in this database, on a session of this test.
  void run(const std::string& statement);
  /// One column, the first by default, of the rows of a query.
  std::vector<std::string> ask(const std::string& query, std::uint32_t column = 1);
  /// Ends every other connection to this database, as an administrator would; returns when they are
  /// gone.
  void kill_sessions();

private:
  mysql_options options_;
  std::unique_ptr<mysql::mysql_session> admin_;
};

/// Journal and event store in a database of its own.
class mysql_engine final : public engine_under_test {
public:
  mysql_engine(std::uint32_t shards, const mysql::checkpoint_sizes& sizes);
  void reopen() override;
  paired_journal& log() override { return *log_; }
  event_store& store() override { return *store_; }

private:
  mysql_test_database database_;
  std::uint32_t shards_;
  mysql::checkpoint_sizes sizes_;
  std::unique_ptr<paired_journal> log_;
  std::unique_ptr<event_store> store_;
};

} // namespace telemetry::test
