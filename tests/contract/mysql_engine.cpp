#include "tests/contract/mysql_engine.hpp"

#include <atomic>
#include <cppconn/exception.h>
#include <cstdlib>
#include <stdexcept>
#include <unistd.h>

namespace telemetry::test {
namespace {

constexpr const char* how_to_start = "TELEMETRY_TEST_MYSQL is not set: run `/usr/bin/python3 "
                                     "tests/support/mariadb.py DIR` and set it "
                                     "to the path of the socket that this prints (./test does)";

/// No two tests share a database: ctest runs them as processes at the same time.
std::string unique_name() {
  static std::atomic<unsigned> count = 0;
  return "telemetry_test_" + std::to_string(getpid()) + "_" + std::to_string(++count);
}

} // namespace

mysql_test_database::mysql_test_database() {
  const char* const socket = std::getenv("TELEMETRY_TEST_MYSQL");
  if (socket == nullptr)
    throw std::runtime_error(how_to_start);
  options_.socket = socket;
  options_.user = "root";
  options_.database = "mysql"; // is there always
  auto session = mysql::mysql_session::open(options_, {});
  if (!session)
    throw std::runtime_error(session.error().text);
  admin_ = std::move(*session);
  options_.database = unique_name();
  run("DROP DATABASE IF EXISTS " + options_.database);
  run("CREATE DATABASE " + options_.database);
  run("USE " + options_.database);
}

mysql_test_database::~mysql_test_database() {
  try {
    run("DROP DATABASE " + options_.database);
  } catch (const sql::SQLException& thrown) {
    ADD_FAILURE() << thrown.what();
  }
}

std::uint16_t mysql_test_database::port() {
  return static_cast<std::uint16_t>(std::stoul(ask("SELECT @@port").at(0)));
}

void mysql_test_database::run(const std::string& statement) {
  static_cast<void>(admin_->update(statement));
}

std::vector<std::string> mysql_test_database::ask(const std::string& query, std::uint32_t column) {
  mysql::mysql_rows rows = admin_->query(query);
  std::vector<std::string> found;
  while (rows.next())
    found.push_back(rows.bytes(column));
  return found;
}

void mysql_test_database::kill_sessions() {
  const std::string others = "SELECT id FROM information_schema.processlist WHERE db = '" +
                             options_.database + "' AND id <> CONNECTION_ID()";
  for (auto ids = ask(others); !ids.empty(); ids = ask(others)) // one ends some time after its KILL
    for (const std::string& id : ids)
      try {
        run("KILL " + id);
      } catch (const sql::SQLException&) { // it ended meanwhile
        continue;
      }
}

mysql_engine::mysql_engine(std::uint32_t shards, const mysql::checkpoint_sizes& sizes)
    : shards_(shards), sizes_(sizes) {
  reopen();
}

void mysql_engine::reopen() {
  log_.reset();
  store_.reset();
  auto opened = mysql::mysql_database::open(database_.options(), shards_);
  if (!opened)
    FAIL() << opened.error().text;
  log_ = std::make_unique<mysql::mysql_journal>(*opened);
  store_ = std::make_unique<mysql::mysql_event_store>(*opened, sizes_);
}

} // namespace telemetry::test
