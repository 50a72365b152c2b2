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

/// What an error of the server asks for.
enum class mysql_trouble {
  none,      ///< nothing that a repetition could mend
  conflict,  ///< deadlock or lock wait: the transaction is undone; the same again
  lost,      ///< the connection is gone: the outcome is unknown
  read_only, ///< this host does not take writes any more: another one
};
[[nodiscard]] mysql_trouble trouble_of(const sql::SQLException& thrown);

/// What `thrown` means while `what` ("journal append") was being done on an open connection.
/// @returns errc::unavailable (the same again later), errc::no_space, errc::invalid_option
/// (rights),
///          errc::corrupt (everything that should be impossible).
[[nodiscard]] failure to_failure(const sql::SQLException& thrown, std::string_view what);

/// Rows of an answer, which is in memory as a whole. Columns count from 1.
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
  /// Bit-exact: the server prints the shortest form, and this reads it correctly rounded.
  [[nodiscard]] double real(std::uint32_t column) const;

private:
  std::unique_ptr<sql::ResultSet> rows_;
};

/// One connection to one server, checked to be fit for use: encrypted if asked for, writable,
/// durable at commit.
///
/// Thread-safety: none; any thread, one at a time. Blocking: every call, within the timeouts of
/// mysql_options. Failure: calls throw sql::SQLException, after which the session must be dropped:
/// what its transaction did is undone by the server, or unknown if commit() threw.
class mysql_session {
public:
  /// Connects to the unix socket of `options`, or else to `address`.
  /// @returns errc::unreachable (nobody there, or too slow), errc::invalid_option (password,
  /// rights,
  ///          missing database, no TLS, read-only, settings that would lose commits).
  [[nodiscard]] static result<std::unique_ptr<mysql_session>> open(const mysql_options& options,
                                                                   const server_address& address);
  ~mysql_session();
  mysql_session(const mysql_session&) = delete;
  mysql_session& operator=(const mysql_session&) = delete;

  /// From now on `calls` hears of every statement; nullptr: nobody does.
  void report_to(server_silence* calls) noexcept { calls_ = calls; }

  /// Runs a statement that returns no rows.
  /// @returns the number of rows that it changed (found, but left as they were: not counted).
  std::uint64_t update(const std::string& statement);
  /// Runs a statement that returns rows.
  [[nodiscard]] mysql_rows query(const std::string& statement);

  void begin() { update("BEGIN"); }
  void commit() { update("COMMIT"); }
  void rollback() { update("ROLLBACK"); }

  /// Bytes that a statement may have, with room for what the protocol adds.
  [[nodiscard]] std::size_t statement_bytes_max() const noexcept { return statement_bytes_max_; }
  /// For people: "mariadb 10.11.6 at 127.0.0.1:3306".
  [[nodiscard]] const std::string& description() const noexcept { return description_; }

private:
  mysql_session(std::unique_ptr<sql::Connection> connection, std::string place);
  template <class Statement>
  auto ask(Statement statement);
  void prepare();
  [[nodiscard]] result<void> check_encrypted();
  [[nodiscard]] result<void> check_server();

  std::unique_ptr<sql::Connection> connection_;
  std::unique_ptr<sql::Statement> statement_; ///< reused; nothing is prepared
  server_silence* calls_ = nullptr;
  std::string place_; ///< "127.0.0.1:3306" or the path of the socket
  std::string description_;
  std::size_t statement_bytes_max_ = 0;
};

/// To be called on every thread that uses sessions, before it does; cheap when repeated.
void use_connector_on_this_thread();

} // namespace telemetry::mysql
