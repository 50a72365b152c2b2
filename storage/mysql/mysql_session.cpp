#include "storage/mysql/mysql_session.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cppconn/connection.h>
#include <cppconn/driver.h>
#include <cppconn/exception.h>
#include <cppconn/resultset.h>
#include <cppconn/statement.h>
#include <limits>
#include <utility>

namespace telemetry::mysql {
namespace {

/// Smallest max_allowed_packet that is accepted, because smaller packets would split small batches.
/// The default of every server is 1 MiB or more.
constexpr std::uint64_t packet_bytes_min = 256u << 10;
/// Larger statements are not faster, and keep the buffers of both sides large.
constexpr std::uint64_t statement_bytes_cap = 8u << 20;
constexpr std::uint64_t packet_overhead_bytes = 1024;

/// `timeout` for the connector, in whole seconds and at least 1, because 0 would mean no timeout.
int seconds(std::chrono::milliseconds timeout) {
  return std::max(1, static_cast<int>(std::chrono::ceil<std::chrono::seconds>(timeout).count()));
}

sql::Driver* driver() {
  static sql::Driver* const one = get_driver_instance(); // the first call is not thread-safe
  return one;
}

sql::ConnectOptionsMap connect_options(const mysql_options& options,
                                       const server_address& address) {
  sql::ConnectOptionsMap map;
  const auto text = [&map](const char* key, const std::string& value) {
    map[key] = sql::SQLString(value);
  };
  if (options.socket.empty()) {
    const bool v6 = address.host.find(':') != std::string::npos;
    text("hostName", "tcp://" + (v6 ? "[" + address.host + "]" : address.host) + ":" +
                         std::to_string(address.port));
  } else {
    text("hostName", "unix://" + options.socket);
  }
  text("userName", options.user);
  text("password", options.password);
  text("schema", options.database);
  text("OPT_CHARSET_NAME", "utf8mb4");
  map["OPT_RECONNECT"] = false; // because it would lose the transaction without an error
  map["OPT_CONNECT_TIMEOUT"] = seconds(options.connect_timeout);
  map["OPT_READ_TIMEOUT"] = seconds(options.read_timeout);
  map["OPT_WRITE_TIMEOUT"] = seconds(options.read_timeout);
  if (options.tls) {
    map["sslEnforce"] = true;
    if (!options.tls_ca.empty()) {
      text("sslCA", options.tls_ca);
      // Without this, the connector accepts any certificate of the CA, and may send the password
      // unencrypted to a server without TLS, before check_encrypted() runs.
      map["sslVerify"] = options.socket.empty();
    }
  }
  return map;
}

/// Settings to check, for errors whose text does not name all possible causes.
const char* advice(int code, const mysql_options& options) {
  switch (code) {
  case 1044: // also for a database that does not exist, unless the user may see all databases
    return " (the database may not exist, or the user may have no rights on it: mysql.database,"
           " mysql.user)";
  case 1045: // also for a user with REQUIRE SSL
    return options.tls ? " (mysql.user, mysql.password)"
                       : " (mysql.user, mysql.password; or the server may require TLS of this"
                         " user, and mysql.tls is off)";
  case 1049:
    return " (mysql.database)";
  case 3159:
    return options.tls ? "" : " (mysql.tls is off)";
  default: // other texts name their cause
    return "";
  }
}

/// The failure for `thrown` while a connection is being made.
failure to_connect_failure(const sql::SQLException& thrown, const std::string& place,
                           const mysql_options& options) {
  failure why{errc::unreachable,
              place + ": " + thrown.what() + advice(thrown.getErrorCode(), options)};
  switch (thrown.getErrorCode()) {
  case 1044: // no right to this database
  case 1045: // wrong user or password
  case 1049: // no such database
  case 1130: // this client's host is not allowed
  case 1142: // no right to a table
  case 1227: // no right to a statement
  case 1231: // the server does not accept a session setting
  case 1251: // the connector does not know the server's authentication method
  case 1524: // the authentication plugin is not loaded
  case 1698: // an authentication plugin denies access
  case 2026: // the server has no TLS, or its certificate is not from the CA
  case 2059: // an authentication plugin is missing
  case 3159: // the server requires TLS
    why.code = errc::invalid_option;
    break;
  default: // in all other cases the server is away, starting, full or stopping
    break;
  }
  return why;
}

bool is_no_space(const sql::SQLException& thrown) {
  const int code = thrown.getErrorCode();
  if (code == 1021 || code == 1114)
    return true;
  const std::string_view text = thrown.what();
  return text.find("No space left") != text.npos || text.find("rrno: 28") != text.npos ||
         text.find("rror 28") != text.npos;
}

/// Whether the same statement may succeed later on a connection that still works, because the
/// server lacks a resource for a while, or until an operator provides it.
bool is_passing(const sql::SQLException& thrown) {
  switch (thrown.getErrorCode()) {
  case 1037: // out of memory
  case 1038: // out of memory to sort
  case 1041: // out of memory or processor
  case 1135: // no thread for a connection
  case 2008: // out of memory in this process
  case 3170: // the memory limit of a function
  case 1004: // cannot create a temporary file
  case 1016: // cannot open a file, because too many are open
  case 1023: // cannot close a file
  case 1024: // cannot read a file
  case 1026: // cannot write a file
  case 1015: // cannot lock a file
  case 1040: // too many connections
  case 1203: // too many connections of this user
  case 1226: // any other limit of this user
  case 1461: // too many prepared statements
  case 1206: // too many locks
  case 1637: // too many transactions
  case 3058: // a deadlock of named locks
  case 3572: // a row is locked
  case 1689: // a wait for a lock was ended
  case 1020: // a row has changed since it was read, MariaDB
  case 1412: // a table's definition has changed
  case 1615: // the same
  case 1180: // COMMIT failed
  case 1181: // ROLLBACK failed
  case 1197: // the binary log's cache is full
  case 1598: // the binary log cannot be written
  case 3100: // a plugin refused the COMMIT: group replication
  case 1028: // a sort was ended
  case 1969: // the statement took too long, MariaDB
  case 3024: // the same, MySQL
  case 1792: // transactions are read-only by default now
  case 3168: // the server is not available
  case 3185: // the keyring is not available
  case 9001: // ProxySQL reaches no server
    return true;
  default:
    break;
  }
  // SQL states of other errors of the connection, and of transactions that were rolled back.
  const std::string& state = thrown.getSQLState();
  return state.starts_with("08") || state.starts_with("40");
}

/// Whether a server variable is on. Servers write off as "OFF" or "0".
bool is_on(const std::string& setting) { return setting != "0" && setting != "OFF"; }

} // namespace

void use_connector_on_this_thread() {
  struct registration {
    registration() { driver()->threadInit(); }
    ~registration() { driver()->threadEnd(); }
    registration(const registration&) = delete;
    registration& operator=(const registration&) = delete;
  };
  static thread_local const registration one;
}

mysql_trouble trouble_of(const sql::SQLException& thrown) {
  switch (thrown.getErrorCode()) {
  case 1205: // lock wait timeout
  case 1213: // deadlock; on Galera also a failed certification
  case 3101: // group replication rolled the transaction back
    return mysql_trouble::conflict;
  case 1290: // --read-only
  case 1836: // read-only mode
  case 3032: // offline mode
  case 1047: // a Galera node that has left its cluster
    return mysql_trouble::read_only;
  case 1053: // shutting down
  case 1080: // the server closes a connection by force
  case 1152: // aborted connection
  case 1158: // the server could not read or write
  case 1159:
  case 1160:
  case 1161:
  case 1184: // aborted connection
  case 1317: // killed query
  case 1927: // killed connection, MariaDB
  case 2002: // connection refused
  case 2003:
  case 2006: // connection gone
  case 2012: // connection lost during the handshake
  case 2013: // connection lost
  case 2014: // commands out of step, after an incomplete answer
  case 2026: // TLS error
  case 2027: // malformed answer
  case 2055: // connection lost, with a system error
  case 3169: // killed session, MySQL
  case 4031: // closed for being idle, MySQL
    return mysql_trouble::lost;
  default: // hundreds of other errors
    return mysql_trouble::none;
  }
}

failure to_failure(const sql::SQLException& thrown, std::string_view what) {
  const int code = thrown.getErrorCode();
  failure why{errc::corrupt,
              std::string(what) + ": " + thrown.what() + " (" + std::to_string(code) + ")"};
  if (is_no_space(thrown))
    why.code = errc::no_space;
  else if (trouble_of(thrown) != mysql_trouble::none || is_passing(thrown))
    why.code = errc::unavailable;
  else if (code == 1044 || code == 1045 || code == 1049 || code == 1142 || code == 1143 ||
           code == 1227 || code == 1370)
    why.code = errc::invalid_option;
  return why;
}

mysql_rows::mysql_rows(std::unique_ptr<sql::ResultSet> rows) : rows_(std::move(rows)) {}
mysql_rows::~mysql_rows() = default;
mysql_rows::mysql_rows(mysql_rows&& other) noexcept = default;
mysql_rows& mysql_rows::operator=(mysql_rows&& other) noexcept = default;

bool mysql_rows::next() { return rows_->next(); }
std::string mysql_rows::bytes(std::uint32_t column) const { return rows_->getString(column); }
std::uint64_t mysql_rows::number(std::uint32_t column) const { return rows_->getUInt64(column); }
std::int64_t mysql_rows::signed_number(std::uint32_t column) const {
  return rows_->getInt64(column);
}

double mysql_rows::real(std::uint32_t column) const {
  const sql::SQLString text = rows_->getString(column);
  const char* const end = text.c_str() + text.length();
  double value = 0;
  if (const auto read = std::from_chars(text.c_str(), end, value);
      read.ec != std::errc() || read.ptr != end)
    return std::numeric_limits<double>::quiet_NaN();
  return value;
}

mysql_session::mysql_session(std::unique_ptr<sql::Connection> connection, std::string place)
    : connection_(std::move(connection)), statement_(connection_->createStatement()),
      place_(std::move(place)) {}

mysql_session::~mysql_session() = default;

result<std::unique_ptr<mysql_session>> mysql_session::open(const mysql_options& options,
                                                           const server_address& address) {
  use_connector_on_this_thread();
  const std::string place =
      options.socket.empty() ? address.host + ":" + std::to_string(address.port) : options.socket;
  try {
    sql::ConnectOptionsMap map = connect_options(options, address);
    std::unique_ptr<sql::Connection> connection(driver()->connect(map));
    std::unique_ptr<mysql_session> session(new mysql_session(std::move(connection), place));
    session->prepare();
    if (options.tls)
      if (auto encrypted = session->check_encrypted(); !encrypted)
        return encrypted.error();
    if (auto fit = session->check_server(); !fit)
      return fit.error();
    return session;
  } catch (const sql::SQLException& thrown) {
    return to_connect_failure(thrown, place, options);
  }
}

void mysql_session::prepare() {
  // sql_mode: strict and without NO_BACKSLASH_ESCAPES, regardless of the server's default.
  // innodb_lock_wait_timeout: 5 s, so that lock waits end before the read timeout.
  // wait_timeout: if this machine fails, the server closes its idle sessions after 60 s and
  // releases their row locks and the named lock. A live process replaces a closed session at its
  // next use.
  update("SET SESSION time_zone = '+00:00', autocommit = 1,"
         " sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO',"
         " innodb_lock_wait_timeout = 5, wait_timeout = 60");
  update("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
  update("SET NAMES utf8mb4");
}

result<void> mysql_session::check_encrypted() {
  // The connector falls back to plain text without an error. Therefore ask the server.
  mysql_rows rows = query("SHOW STATUS LIKE 'Ssl_cipher'");
  if (rows.next() && !rows.bytes(2).empty())
    return {};
  return failure{errc::invalid_option, place_ + ": the connection is not encrypted: the server "
                                                "offers no TLS, but mysql.tls asks for it"};
}

/// A member of a group is written to only while it is the primary and sees a majority. Another one
/// may become the primary at any time, so this is no misconfiguration.
result<void> mysql_session::check_group() {
  mysql_rows named = query("SHOW GLOBAL VARIABLES LIKE 'group_replication_group_name'");
  if (!named.next() || named.bytes(2).empty())
    return {};
  is_of_group_ = true;
  const std::string members = "performance_schema.replication_group_members";
  try {
    mysql_rows rows =
        query("SELECT MEMBER_STATE, MEMBER_ROLE, @@group_replication_single_primary_mode,"
              " @@group_replication_consistency, (SELECT COUNT(*) FROM " +
              members + "), (SELECT COUNT(*) FROM " + members +
              " WHERE MEMBER_STATE = 'UNREACHABLE') FROM " + members +
              " WHERE MEMBER_ID = @@server_uuid");
    const bool is_member = rows.next();
    const std::string state = is_member ? rows.bytes(1) : "OFFLINE";
    if (state != "ONLINE")
      return failure{errc::unreachable, place_ + ": the server is " + state + " in its group"};
    if (!is_on(rows.bytes(3)))
      return failure{errc::invalid_option, place_ + ": the group has several primaries: set "
                                                    "group_replication_single_primary_mode to ON"};
    if (rows.bytes(4) == "EVENTUAL")
      return failure{errc::invalid_option,
                     place_ + ": group_replication_consistency is EVENTUAL: a new primary would "
                              "answer before it has all commits; set BEFORE_ON_PRIMARY_FAILOVER"};
    if (rows.bytes(2) != "PRIMARY")
      return failure{errc::unreachable, place_ + ": the server is a secondary of its group"};
    if (2 * rows.number(6) >= rows.number(5))
      return failure{errc::unreachable,
                     place_ + ": the server reaches no majority of its group: " + rows.bytes(6) +
                         " of " + rows.bytes(5) + " members are unreachable"};
    return {};
  } catch (const sql::SQLException& thrown) {
    constexpr int denied = 1142;
    if (thrown.getErrorCode() != denied)
      throw;
    return failure{errc::invalid_option, place_ +
                                             ": the server is a member of a group, and the "
                                             "user may not see its state: GRANT SELECT ON " +
                                             members};
  }
}

result<void> mysql_session::check_server() {
  if (auto fit = check_group(); !fit)
    return fit;
  mysql_rows rows = query("SELECT @@version, @@max_allowed_packet, @@global.read_only,"
                          " @@innodb_read_only, @@innodb_flush_log_at_trx_commit, @@log_bin,"
                          " @@sync_binlog");
  if (!rows.next())
    return failure{errc::unreachable, place_ + ": no answer about its settings"};
  const std::string version = rows.bytes(1);
  const std::uint64_t packet_bytes = rows.number(2);
  const auto unfit = [this](const std::string& why) {
    return failure{errc::invalid_option, place_ + ": " + why};
  };
  if (is_on(rows.bytes(3)) || is_on(rows.bytes(4)))
    return unfit("the server is read-only (read_only, innodb_read_only): a replica?");
  if (rows.bytes(5) != "1")
    return unfit("innodb_flush_log_at_trx_commit is " + rows.bytes(5) +
                 ": it must be 1, or commits are lost with the power");
  if (is_on(rows.bytes(6)) && rows.bytes(7) != "1")
    return unfit("the binary log is on and sync_binlog is " + rows.bytes(7) +
                 ": it must be 1, or commits are lost with the power");
  if (packet_bytes < packet_bytes_min)
    return unfit("max_allowed_packet is " + std::to_string(packet_bytes) +
                 ": it must be at least " + std::to_string(packet_bytes_min));
  statement_bytes_max_ = std::min(packet_bytes, statement_bytes_cap) - packet_overhead_bytes;
  const bool is_mariadb = version.find("MariaDB") != std::string::npos;
  description_ = std::string(is_mariadb ? "mariadb " : "mysql ") +
                 version.substr(0, version.find('-')) + " at " + place_;
  return {};
}

template <class Statement>
auto mysql_session::ask(Statement statement) {
  server_silence::call waiting(calls_);
  try {
    auto answer = statement();
    waiting.answered();
    return answer;
  } catch (const sql::SQLException& thrown) {
    if (trouble_of(thrown) != mysql_trouble::lost)
      waiting.answered();
    throw;
  }
}

std::uint64_t mysql_session::update(const std::string& statement) {
  if (ask([&] { return statement_->execute(statement); }))
    throw sql::SQLException("a statement returned rows: " + statement.substr(0, 80));
  return statement_->getUpdateCount();
}

mysql_rows mysql_session::query(const std::string& statement) {
  return mysql_rows(
      ask([&] { return std::unique_ptr<sql::ResultSet>(statement_->executeQuery(statement)); }));
}

} // namespace telemetry::mysql
