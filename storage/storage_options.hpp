#pragma once

#include "config/options.hpp"
#include "core/result.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace telemetry {

/// Shards of a new embedded database if none are set.
inline constexpr std::uint32_t embedded_shards = 8;

/// Where a database server listens.
struct server_address {
  std::string host;
  std::uint16_t port = 0;
};

/// How to reach a MySQL or MariaDB server.
struct mysql_options {
  std::vector<server_address> hosts; ///< tried in order, from the one that worked last on
  std::string socket;                ///< path of a unix socket; not empty: instead of `hosts`
  std::string user;
  std::string password;
  std::string database;
  bool tls = false;   ///< encrypted, or no connection at all
  std::string tls_ca; ///< PEM file: the server's certificate must come from it, and name the host
  std::chrono::milliseconds connect_timeout = config::options{}.mysql.connect_timeout;
  /// Of every wait on an open connection.
  std::chrono::milliseconds read_timeout = config::options{}.mysql.read_timeout;
  std::size_t writers = config::options{}.mysql.writers; ///< connections that write a checkpoint
};

/// How to reach a Redis server.
struct redis_options {
  std::vector<server_address> hosts; ///< tried in order, from the one that worked last on
  std::string socket;                ///< path of a unix socket; not empty: instead of `hosts`
  std::string user;                  ///< empty: the default user
  std::string password;              ///< empty: none is asked for
  std::uint32_t database = 0;
  std::string prefix = config::options{}.redis.prefix; ///< of every key
  bool tls = false;   ///< encrypted and the server known, or no connection; `hosts` only
  std::string tls_ca; ///< PEM file: whose certificates are trusted; empty: the system's
  std::chrono::milliseconds connect_timeout = config::options{}.redis.connect_timeout;
  std::chrono::milliseconds read_timeout = config::options{}.redis.timeout;
};

/// Which engines, and their settings. Defaults stand in config::options alone.
struct storage_options {
  /// @returns errc::invalid_option if a password file cannot be read.
  [[nodiscard]] static result<storage_options> from(const config::options& settings);

  using store_kind = config::store_engine;
  using journal_kind = config::journal_engine;
  store_kind store = config::options{}.storage.store;
  journal_kind journal = config::options{}.storage.journal; ///< mysql, redis: with store mysql only

  /// Of the journal's files and of RocksDB; not used if there is neither.
  std::filesystem::path data_dir;
  /// The store elsewhere that the journal in data_dir belongs to; empty: events are there too.
  std::string store_id;
  std::uint32_t shards = embedded_shards; ///< for a new database; an existing one keeps its own
  /// Appends fail with no_space below this.
  std::uint64_t min_free_bytes = config::options{}.storage.min_free;
  std::uint64_t cache_bytes = config::options{}.storage.cache; ///< block cache

  mysql_options mysql;
  redis_options redis;
  bool has_cache = false; ///< in Redis
};

} // namespace telemetry
