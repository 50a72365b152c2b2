#include "storage/storage_options.hpp"

#include "config/addresses.hpp"

#include <fstream>

namespace telemetry {

namespace {

constexpr std::uint16_t mysql_port = 3306;
constexpr std::uint16_t redis_port = 6379;
constexpr std::uint32_t mysql_shards = 64;

std::vector<server_address> servers(const std::string& text, std::uint16_t standard_port) {
  const auto read = config::read_addresses(text, standard_port); // checked by config
  std::vector<server_address> all;
  for (const auto& [host, port] : *read)
    all.push_back({host, port});
  return all;
}

/// The password itself, or the first line of `file`.
result<std::string> password_of(const std::string& key, const std::string& password,
                                const std::string& file) {
  if (file.empty())
    return password;
  if (!password.empty())
    return failure{errc::invalid_option, key + " and " + key + "_file: give only one of them"};
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line))
    return failure{errc::invalid_option, key + "_file: cannot read a line from " + file};
  return line;
}

result<mysql_options> mysql_from(const config::options& settings) {
  const auto& from = settings.mysql;
  auto password = password_of("mysql.password", from.password, from.password_file);
  if (!password)
    return password.error();
  return mysql_options{.hosts = servers(from.hosts, mysql_port),
                       .socket = from.socket,
                       .user = from.user,
                       .password = *password,
                       .database = from.database,
                       .tls = from.tls == config::toggle::on,
                       .tls_ca = from.tls_ca,
                       .connect_timeout = from.connect_timeout,
                       .read_timeout = from.read_timeout,
                       .writers = from.writers};
}

result<redis_options> redis_from(const config::options& settings) {
  const auto& from = settings.redis;
  auto password = password_of("redis.password", from.password, from.password_file);
  if (!password)
    return password.error();
  const bool tls = from.tls == config::toggle::on;
  if (tls && !from.socket.empty())
    return failure{errc::invalid_option,
                   "redis.tls and redis.socket: Redis speaks no TLS on a unix socket"};
  return redis_options{.hosts = servers(from.hosts, redis_port),
                       .socket = from.socket,
                       .user = from.user,
                       .password = *password,
                       .database = from.database,
                       .prefix = from.prefix,
                       .tls = tls,
                       .tls_ca = from.tls_ca,
                       .connect_timeout = from.connect_timeout,
                       .read_timeout = from.timeout};
}

std::uint32_t standard_shards(config::store_engine store) {
  switch (store) {
  case config::store_engine::rocksdb:
    break;
  case config::store_engine::mysql:
    return mysql_shards;
  }
  return embedded_shards;
}

} // namespace

result<storage_options> storage_options::from(const config::options& settings) {
  const auto& from = settings.storage;
  auto mysql = mysql_from(settings);
  if (!mysql)
    return mysql.error();
  auto redis = redis_from(settings);
  if (!redis)
    return redis.error();
  return storage_options{.store = from.store,
                         .journal = from.journal,
                         .data_dir = from.data_dir,
                         .store_id = {},
                         .shards = from.shards == 0 ? standard_shards(from.store) : from.shards,
                         .min_free_bytes = from.min_free,
                         .cache_bytes = from.cache,
                         .mysql = *mysql,
                         .redis = *redis,
                         .has_cache = settings.cache.redis == config::toggle::on};
}

} // namespace telemetry
