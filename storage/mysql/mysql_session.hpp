#pragma once

#include "core/result.hpp"
#include "storage/mysql/server_silence.hpp"
#include "storage/storage_options.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sql {
class Connection;
class ResultSet;
class SQLException;
class Statement;
} // namespace sql

namespace telemetry::mysql {

/// Kinds of errors, by the reaction that they need.
enum class mysql_trouble {
  none,      ///< repeating the statement does not help
  conflict,  ///< deadlock or lock wait: the transaction is rolled back; repeat it
  lost,      ///< the connection is lost: the outcome is unknown
  read_only, ///< this host accepts no writes any more; use another host
};
[[nodiscard]] mysql_trouble trouble_of(const sql::SQLException& thrown);

/// The failure for an exception `thrown` by the work `what` ("journal append") on an open
/// connection.
/// @returns errc::unavailable (try again later), errc::no_space, errc::invalid_option (rights),
///          errc::corrupt (every error that should be impossible).
[[nodiscard]] failure to_failure(const sql::SQLException& thrown, std::string_view what);

/// The rows of an answer. The whole answer is in memory. Columns count from 1.
class mysql_rows {
public:
  explicit mysql_rows(std::unique_ptr<sql::ResultSet> rows);
  ~mysql_rows();
  mysql_rows(mysql_rows&& other) noexcept;
  mysql_rows& operator=(mysql_rows&& other) noexcept;

  /// Steps to the next row; false at the end.
  [[nodiscard]] bool next();
  [[nodiscard]] std::string bytes(std::uint32_t column) const;
  [[nodiscard]] std::uint64_t number(std::uint32_t column) const;
  [[nodiscard]] std::int64_t signed_number(std::uint32_t column) const;
  /// A double, bit for bit as stored, because the server prints its shortest form and this function
  /// reads it with correct rounding.
  [[nodiscard]] double real(std::uint32_t column) const;

private:
  std::unique_ptr<sql::ResultSet> rows_;
};

/// One connection to one server. open() checks that the connection is encrypted if it must be, that
/// the server is writable and makes commits durable, and, if it is a member of a group (MySQL Group
/// Replication), that it is the primary and sees a majority.
///
/// Thread-safety: none; any thread may use it, one at a time. Blocking: every call waits for the
/// server, within the timeouts of mysql_options. Errors: calls throw sql::SQLException. Then
/// destroy the session. The server rolls its transaction back; if commit() threw, the outcome is
/// unknown.
class mysql_session {
public:
  /// Connects to the unix socket of `options` if it has one, otherwise to `address`.
  /// @returns errc::unreachable (no server there, or too slow, or another member of its group is or
  ///          becomes the primary), errc::invalid_option (password, rights, missing database, no
  ///          TLS, read-only, settings that would lose commits).
  [[nodiscard]] static result<std::unique_ptr<mysql_session>> open(const mysql_options& options,
                                                                   const server_address& address);
  ~mysql_session();
  mysql_session(const mysql_session&) = delete;
  mysql_session& operator=(const mysql_session&) = delete;

  /// Reports every later statement to `calls`, which may be nullptr and must outlive its use.
  void report_to(server_silence* calls) noexcept { calls_ = calls; }

  /// Runs a statement that returns no rows.
  /// @returns the number of rows that it changed. Rows that it found but left as they were do not
  ///          count.
  std::uint64_t update(const std::string& statement);
  /// Runs a statement that returns rows.
  [[nodiscard]] mysql_rows query(const std::string& statement);

  void begin() { update("BEGIN"); }
  void commit() { update("COMMIT"); }
  void rollback() { update("ROLLBACK"); }

  /// Longest allowed statement, in bytes. It leaves room for the bytes that the protocol adds.
  [[nodiscard]] std::size_t statement_bytes_max() const noexcept { return statement_bytes_max_; }
  /// The place of the server in mysql_options::hosts, and the count of times that it had been left
  /// before this session was opened (mysql_pool).
  struct origin {
    std::size_t host = 0;
    std::uint64_t generation = 0;
  };
  /// Whether the server is a member of a group (MySQL Group Replication).
  [[nodiscard]] bool is_of_group() const noexcept { return is_of_group_; }
  void come_from(const origin& where) noexcept { origin_ = where; }
  [[nodiscard]] const origin& from() const noexcept { return origin_; }

  /// Server and version for messages, e.g. "mariadb 10.11.6 at 127.0.0.1:3306".
  [[nodiscard]] const std::string& description() const noexcept { return description_; }

private:
  mysql_session(std::unique_ptr<sql::Connection> connection, std::string place);
  template <class Statement>
  auto ask(Statement statement);
  void prepare();
  [[nodiscard]] result<void> check_encrypted();
  [[nodiscard]] result<void> check_server();
  [[nodiscard]] result<void> check_group();

  std::unique_ptr<sql::Connection> connection_;
  std::unique_ptr<sql::Statement> statement_; ///< reused; no prepared statement
  server_silence* calls_ = nullptr;
  std::string place_; ///< "127.0.0.1:3306" or the path of the socket
  std::string description_;
  origin origin_;
  bool is_of_group_ = false;
  std::size_t statement_bytes_max_ = 0;
};

/// Call this on every thread before it uses sessions. Repeated calls cost next to no time.
void use_connector_on_this_thread();

} // namespace telemetry::mysql
