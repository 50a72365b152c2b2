#pragma once

#include "config/options.hpp"
#include "core/result.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace telemetry {

/// Number of shards of a new embedded database if the setting is 0.
inline constexpr std::uint32_t embedded_shards = 8;

/// Where a database server listens.
struct server_address {
  std::string host;
  std::uint16_t port = 0;
};

/// How to reach a MySQL or MariaDB server.
struct mysql_options {
  std::vector<server_address> hosts; ///< tried in order, starting with the last that worked
  std::string socket;                ///< path of a unix socket; if not empty, replaces `hosts`
  std::string user;
  std::string password;
  std::string database;
  bool tls = false;   ///< refuse to connect without encryption
  std::string tls_ca; ///< PEM file of the CA of the certificate, which must name the host; "": any
  std::chrono::milliseconds connect_timeout = config::options{}.mysql.connect_timeout;
  /// Limit of every wait on an open connection.
  std::chrono::milliseconds read_timeout = config::options{}.mysql.read_timeout;
  std::size_t writers = config::options{}.mysql.writers; ///< connections that write a checkpoint
};

/// How to reach a Redis server.
struct redis_options {
  std::vector<server_address> hosts; ///< tried in order, starting with the last that worked
  std::string socket;                ///< path of a unix socket; if not empty, replaces `hosts`
  std::string user;                  ///< empty: the default user
  std::string password;              ///< empty: the server needs no password
  std::uint32_t database = 0;
  std::string prefix = config::options{}.redis.prefix; ///< of every key
  bool tls = false;   ///< refuse to connect without TLS and a valid certificate; not with `socket`
  std::string tls_ca; ///< PEM file of the trusted CA; empty: the CAs of the system
  std::chrono::milliseconds connect_timeout = config::options{}.redis.connect_timeout;
  std::chrono::milliseconds read_timeout = config::options{}.redis.timeout;
};

/// The engines of a database, and their settings. The defaults are those of config::options.
struct storage_options {
  /// Reads the password files. @returns errc::invalid_option if one cannot be read, or if settings
  /// exclude each other.
  [[nodiscard]] static result<storage_options> from(const config::options& settings);

  using store_kind = config::store_engine;
  using journal_kind = config::journal_engine;
  store_kind store = config::options{}.storage.store;
  journal_kind journal = config::options{}.storage.journal; ///< mysql and redis need store mysql

  /// Directory of the journal's files and of RocksDB. Not used if there is neither.
  std::filesystem::path data_dir;
  /// Id of the store to which the journal in data_dir belongs; empty if data_dir has the store too.
  std::string store_id;
  std::uint32_t shards = embedded_shards; ///< of a new database; an existing one keeps its number
  /// Appends fail with errc::no_space while the disk has less free space than this.
  std::uint64_t min_free_bytes = config::options{}.storage.min_free;
  std::uint64_t cache_bytes = config::options{}.storage.cache; ///< size of RocksDB's block cache

  mysql_options mysql;
  redis_options redis;
  bool has_cache = false; ///< whether Redis holds the cache of latest states
};

} // namespace telemetry
