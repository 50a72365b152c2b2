#pragma once

#include "config/log.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace telemetry::config {

enum class store_engine { rocksdb, mysql };
enum class journal_engine { file, mysql, redis };
enum class toggle { off, on };
enum class client_certificates { off, optional, required };

/// Every setting, grouped like its key: `net.port` is options::net.port. The initialisers are the
/// defaults. Unit, bounds and meaning are in the table of settings.cpp only; --help, the example
/// file and validation use that table (ADR 0040). Sizes are in bytes.
struct options {
  using milliseconds = std::chrono::milliseconds;

  struct {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8000;
    std::string unix_socket;
    std::uint32_t unix_mode = 0660;
    std::string unix_owner;
    std::uint32_t io_threads = 1;
    std::uint64_t connections_max = 50'000;
    std::uint64_t unproven_max = 2'048;
    std::uint64_t memory_max = std::uint64_t{512} << 20;
    milliseconds idle_timeout{60'000};
    milliseconds read_delay{4};
    std::string trusted_proxies;
    toggle insecure = toggle::off;
  } net;
  struct {
    std::string keys_file;
  } auth;
  struct {
    std::string host = "*";
    std::uint16_t port = 8443;
    std::string certificate;
    std::string key;
    client_certificates client_certificate = client_certificates::off;
    std::string client_ca;
    std::string client_crl;
    std::uint32_t threads = 1;
    std::uint64_t handshakes_max = 1'024;
    milliseconds handshake_timeout{10'000};
  } tls;
  struct {
    std::uint64_t max_message = std::uint64_t{64} << 10;
    std::uint64_t max_body = std::uint64_t{8} << 20;
    std::uint64_t max_in_flight = 4096;
    std::uint64_t max_in_flight_bytes = std::uint64_t{1} << 20;
    milliseconds future_limit{60'000};
    milliseconds stall_limit{30'000};
  } ingest;
  struct {
    milliseconds window{1'000};
  } reorder;
  struct {
    milliseconds idle{60'000};
    std::uint64_t active_max = 1'000'000;
  } robots;
  struct {
    store_engine store = store_engine::rocksdb;
    journal_engine journal = journal_engine::file;
    std::string data_dir = "./data";
    std::uint32_t shards = 0;
    std::uint64_t min_free = std::uint64_t{64} << 20;
    std::uint64_t warn_free = std::uint64_t{512} << 20;
    std::uint64_t cache = std::uint64_t{64} << 20;
    std::uint64_t memory_max = std::uint64_t{1} << 30;
  } storage;
  struct {
    milliseconds interval{5'000};
    std::uint64_t events = 2'000'000;
  } checkpoint;
  struct {
    std::string hosts = "127.0.0.1:3306";
    std::string socket;
    std::string user = "telemetryd";
    std::string password;
    std::string password_file;
    std::string database = "telemetryd";
    toggle tls = toggle::off;
    std::string tls_ca;
    milliseconds connect_timeout{5'000};
    milliseconds read_timeout{30'000};
    std::uint32_t writers = 2;
  } mysql;
  struct {
    std::string hosts = "127.0.0.1:6379";
    std::string socket;
    std::string user;
    std::string password;
    std::string password_file;
    std::uint32_t database = 0;
    std::string prefix = "telemetryd";
    toggle tls = toggle::off;
    std::string tls_ca;
    milliseconds connect_timeout{5'000};
    milliseconds timeout{30'000};
  } redis;
  struct {
    toggle redis = toggle::off;
    milliseconds interval{1'000};
  } cache;
  struct {
    milliseconds timeout{10'000};
    std::uint32_t threads = 2;
  } query;
  struct {
    std::uint32_t threads = 0;
  } scheduler;
  struct {
    telemetry::log::level level = telemetry::log::level::info;
    telemetry::log::format format = telemetry::log::format::logfmt;
  } log;
};

/// The command that the command line gives.
enum class action {
  serve,
  keys,
  migrate,
  migrate_dry_run,
  help,
  version,
  check_config,
  print_config
};

/// The settings and problems from all sources.
struct parsed {
  options settings;
  action what = action::serve;
  std::vector<std::string> keys_arguments; ///< of action::keys, for access::run_keys_command()
  /// Key to source of each setting that was given, e.g. "command line" or "file telemetryd.conf".
  std::map<std::string, std::string, std::less<>> origins;
  /// One sentence per problem, with the key, its source and the legal range. The program must not
  /// serve unless this is empty.
  std::vector<std::string> problems;
};

/// Reads the settings. Precedence rises in this order: defaults, configuration file (--config or
/// TELEMETRY_CONFIG), environment, command line. Blocks only while it reads that file. Never throws
/// for bad input and never ends the process.
/// @param argv `argc` strings; the first is the program's name and is skipped.
/// @param envp NAME=value strings with a nullptr at the end, as main() gets them, or nullptr.
[[nodiscard]] parsed parse(int argc, const char* const* argv, const char* const* envp);

/// The text of --help, at most 100 columns wide.
[[nodiscard]] std::string help();
/// The content of telemetryd.conf.example: every setting, commented out, at its default.
[[nodiscard]] std::string example();
/// The effective settings with their origins, in the form of a configuration file.
[[nodiscard]] std::string print(const parsed& effective);
/// The text, in whole lines, that the program prints for an action other than serve,
/// keys and migrate.
[[nodiscard]] std::string reply(const parsed& asked);
/// The program's version, e.g. "0.1.0".
[[nodiscard]] std::string_view version() noexcept;

} // namespace telemetry::config
