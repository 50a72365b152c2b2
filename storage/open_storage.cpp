#include "storage/open_storage.hpp"

#include "storage/memory_event_store.hpp"
#include "storage/memory_journal.hpp"
#include "storage/mysql_database.hpp"
#include "storage/mysql_event_store.hpp"
#include "storage/mysql_journal.hpp"
#include "storage/mysql_schema.hpp"
#include "storage/redis_cache.hpp"
#include "storage/redis_journal.hpp"
#include "storage/rocksdb_database.hpp"
#include "storage/rocksdb_event_store.hpp"
#include "storage/rocksdb_journal.hpp"

#include <algorithm>
#include <limits>
#include <rocksdb/version.h>
#include <utility>

namespace telemetry {

namespace {

using detail::mysql_database;
using detail::rocksdb_database;

const std::string rocksdb_name = "rocksdb " + rocksdb::GetRocksVersionAsString();

result<std::uint64_t> no_limit() { return std::numeric_limits<std::uint64_t>::max(); }

/// What keeps the engines below journal and store alive.
struct engines {
  std::shared_ptr<mysql_database> mysql;
  std::shared_ptr<rocksdb_database> rocksdb;
};

result<storage> open_embedded(const storage_options& options) {
  auto opened = rocksdb_database::open(options);
  if (!opened)
    return opened.error();
  const std::shared_ptr<rocksdb_database> database = *opened;
  storage made;
  made.engine = database;
  made.journal = std::make_unique<detail::rocksdb_journal>(database);
  made.store = std::make_unique<detail::rocksdb_event_store>(database);
  made.shards = database->shards();
  made.description = rocksdb_name;
  made.free_bytes = [database] { return database->free_bytes(); };
  return made;
}

constexpr std::string_view redis_journal_name = "redis";

std::string_view name_of(storage_options::journal_kind journal) {
  switch (journal) {
  case storage_options::journal_kind::rocksdb:
    break;
  case storage_options::journal_kind::mysql:
    return "mysql";
  case storage_options::journal_kind::redis:
    return redis_journal_name;
  }
  return "rocksdb";
}

/// Whether anything was ever checkpointed.
bool is_in_use(std::span<const shard_marker> markers) {
  return std::any_of(markers.begin(), markers.end(),
                     [](const shard_marker& one) { return one.cut > 0; });
}

std::string new_journal(const std::string& where) {
  return "the journal in " + where +
         " is new, but the store is not: events that were answered OK and had not reached the "
         "store are in the journal that was used before, or lost";
}

/// The journal in data_dir, in front of a store elsewhere.
result<void> add_rocksdb_journal(storage_options options, engines& held, storage& made) {
  options.shards = held.mysql->shards();
  options.store_id = held.mysql->uuid();
  auto opened = rocksdb_database::open(options);
  if (!opened)
    return opened.error();
  held.rocksdb = *opened;
  made.journal = std::make_unique<detail::rocksdb_journal>(held.rocksdb);
  made.free_bytes = [database = held.rocksdb] { return database->free_bytes(); };
  const auto markers = made.store->markers();
  if (!markers)
    return markers.error();
  if (held.rocksdb->is_new() && is_in_use(*markers))
    made.warning = new_journal(options.data_dir.string());
  return {};
}

/// The journal in Redis, in front of MySQL.
/// @param before the journal that the store was used with.
result<void> add_redis_journal(const storage_options& options, mysql_database& store,
                               std::string_view before, storage& made) {
  auto opened = detail::redis_journal::open(options.redis, store.shards(), store.uuid());
  if (!opened)
    return opened.error();
  auto& journal = **opened;
  const auto markers = made.store->markers();
  if (!markers)
    return markers.error();
  if (journal.is_new() && before != redis_journal_name) {
    if (auto outcome = journal.continue_from(*markers); !outcome)
      return outcome;
  } else {
    auto accepted = journal.check_against(*markers);
    if (!accepted)
      return accepted.error();
    made.warning = *accepted;
  }
  made.description = journal.description() + " in front of " + store.description();
  made.journal = std::move(*opened);
  return {};
}

/// @returns errc::invalid_option if Redis refuses what is set; that it is away is no failure.
result<void> add_cache(redis_options options, storage& made) {
  // Nothing waits for a cache, a stop least of all.
  constexpr std::chrono::milliseconds longest{2'000};
  options.connect_timeout = std::min(options.connect_timeout, longest);
  options.read_timeout = std::min(options.read_timeout, longest);
  auto cache = std::make_unique<detail::redis_cache>(options);
  if (auto connected = cache->connect();
      !connected && connected.error().code == errc::invalid_option)
    return connected;
  made.cache = std::move(cache);
  return {};
}

result<storage> open_with_mysql(const storage_options& options) {
  auto opened = mysql_database::open(options.mysql, options.shards);
  if (!opened)
    return opened.error();
  auto held = std::make_shared<engines>();
  held->mysql = *opened;
  storage made;
  made.store = std::make_unique<detail::mysql_event_store>(held->mysql);
  made.shards = held->mysql->shards();
  made.free_bytes = no_limit;
  const auto name = name_of(options.journal);
  const auto before = held->mysql->use_journal(name);
  if (!before)
    return before.error();
  switch (options.journal) {
  case storage_options::journal_kind::rocksdb:
    if (auto outcome = add_rocksdb_journal(options, *held, made); !outcome)
      return outcome.error();
    made.description = rocksdb_name + " in front of " + held->mysql->description();
    break;
  case storage_options::journal_kind::mysql:
    made.journal = std::make_unique<detail::mysql_journal>(held->mysql);
    made.description = held->mysql->description();
    break;
  case storage_options::journal_kind::redis:
    if (auto outcome = add_redis_journal(options, *held->mysql, *before, made); !outcome)
      return outcome.error();
    break;
  }
  if (!before->empty() && *before != name)
    made.warning = "the journal was in " + *before + " and is in " + std::string(name) +
                   " from now on: events that were answered OK and had not reached the store "
                   "stay behind in " +
                   *before;
  made.engine = std::move(held);
  return made;
}

} // namespace

result<storage> open_storage(const storage_options& options) {
  auto opened = options.store == storage_options::store_kind::mysql ? open_with_mysql(options)
                                                                    : open_embedded(options);
  if (opened && options.has_cache)
    if (auto outcome = add_cache(options.redis, *opened); !outcome)
      return outcome.error();
  return opened;
}

result<std::string> migrate_storage(const storage_options& options, bool dry_run) {
  if (options.store != storage_options::store_kind::mysql)
    return std::string{"storage.store=rocksdb has no tables to migrate\n"};
  if (dry_run)
    return detail::mysql_migrations();
  const auto opened = mysql_database::open(options.mysql, options.shards);
  if (!opened)
    return opened.error();
  return opened.value()->description() + " has schema version " +
         std::to_string(detail::mysql_schema_version()) + "\n";
}

storage open_memory_storage(std::uint32_t shards) {
  storage made;
  made.journal =
      std::make_unique<detail::memory_journal>(std::make_shared<detail::memory_log>(shards));
  made.store =
      std::make_unique<detail::memory_event_store>(std::make_shared<detail::memory_tables>(shards));
  made.shards = shards;
  made.description = "memory";
  made.free_bytes = no_limit;
  return made;
}

} // namespace telemetry
