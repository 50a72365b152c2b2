#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace telemetry {

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
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds read_timeout{30'000}; ///< of every wait on an open connection
  std::size_t writers = 2;                        ///< connections that write a checkpoint
};

/// How to reach a Redis server.
struct redis_options {
  std::vector<server_address> hosts; ///< tried in order, from the one that worked last on
  std::string socket;                ///< path of a unix socket; not empty: instead of `hosts`
  std::string user;                  ///< empty: the default user
  std::string password;              ///< empty: none is asked for
  std::uint32_t database = 0;
  std::string prefix = "telemetryd"; ///< of every key
  bool tls = false;   ///< encrypted and the server known, or no connection; `hosts` only
  std::string tls_ca; ///< PEM file: whose certificates are trusted; empty: the system's
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds read_timeout{30'000};
};

} // namespace telemetry
