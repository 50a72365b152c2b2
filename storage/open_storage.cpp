#include "storage/open_storage.hpp"

#include "storage/file_journal/file_journal.hpp"
#include "storage/memory/memory_event_store.hpp"
#include "storage/memory/memory_journal.hpp"
#include "storage/mysql/mysql_database.hpp"
#include "storage/mysql/mysql_event_store.hpp"
#include "storage/mysql/mysql_journal.hpp"
#include "storage/mysql/mysql_schema.hpp"
#include "storage/open_paired_journal.hpp"
#include "storage/redis/redis_cache.hpp"
#include "storage/redis/redis_journal.hpp"
#include "storage/rocksdb/rocksdb_database.hpp"
#include "storage/rocksdb/rocksdb_event_store.hpp"

#include <algorithm>
#include <limits>
#include <rocksdb/version.h>
#include <utility>

namespace telemetry {

namespace {

using journal_files::file_journal;
using mysql::mysql_database;
using rocks::rocksdb_database;

const std::string rocksdb_name = "rocksdb " + rocksdb::GetRocksVersionAsString();

result<std::uint64_t> no_limit() { return std::numeric_limits<std::uint64_t>::max(); }

/// Whether the store has everything that is in the journal.
result<bool> is_drained(storage& of) {
  const auto markers = of.store->markers();
  if (!markers)
    return markers.error();
  for (const shard_marker& marker : *markers) {
    const auto last = of.journal->last_batch(marker.shard);
    if (!last)
      return last.error();
    if (*last > marker.cut)
      return false;
  }
  return true;
}

result<std::unique_ptr<file_journal>> open_files(const storage_options& options,
                                                 const std::shared_ptr<data_directory>& home) {
  journal_files::file_journal_options how;
  how.min_free_bytes = options.min_free_bytes;
  return file_journal::open(home, how);
}

/// Journal and store in one directory. The journal first: a store without it has lost it.
result<storage> open_embedded(const storage_options& options) {
  const auto home = data_directory::open(options);
  if (!home)
    return home.error();
  auto journal = open_files(options, *home);
  if (!journal)
    return journal.error();
  const auto database = rocksdb_database::open(*home, options);
  if (!database)
    return database.error();
  storage made;
  made.store = std::make_unique<rocks::rocksdb_event_store>(*database);
  const auto markers = made.store->markers();
  if (!markers)
    return markers.error();
  if (const auto losses = (*journal)->find_losses(*markers); !losses.empty())
    return failure{errc::corrupt,
                   "the journal in " + (*home)->path() +
                       " is not in the state that its store was in: " + describe_losses(losses)};
  made.keep_alive = *database;
  made.journal = std::move(*journal);
  made.shards = (*home)->shards();
  made.description = rocksdb_name;
  made.free_bytes = [home = *home] { return home->free_bytes(); };
  made.note_drained = is_drained;
  return made;
}

/// As in storage.journal, and in the store's record.
std::string_view name_of(storage_options::journal_kind journal) {
  switch (journal) {
  case storage_options::journal_kind::file:
    break;
  case storage_options::journal_kind::mysql:
    return "mysql";
  case storage_options::journal_kind::redis:
    return "redis";
  }
  return "file";
}

/// The journal in data_dir, in front of a store elsewhere.
result<std::unique_ptr<paired_journal>>
open_file_journal(storage_options options, const mysql_database& store, storage& made) {
  options.shards = store.shards();
  options.store_id = store.uuid();
  const auto home = data_directory::open(options);
  if (!home)
    return home.error();
  auto journal = open_files(options, *home);
  if (!journal)
    return journal.error();
  made.free_bytes = [home = *home] { return home->free_bytes(); };
  made.description = "journal files in front of " + store.description();
  return std::unique_ptr<paired_journal>(std::move(*journal));
}

/// The journal in Redis, in front of MySQL.
result<std::unique_ptr<paired_journal>>
open_redis_journal(const storage_options& options, const mysql_database& store, storage& made) {
  auto journal = redis::redis_journal::open(options.redis, store.shards(), store.uuid());
  if (!journal)
    return journal.error();
  made.description = journal.value()->description() + " in front of " + store.description();
  return std::unique_ptr<paired_journal>(std::move(*journal));
}

/// The journal that `options` name. Notes in `made` what there is to say of it.
result<std::unique_ptr<paired_journal>> open_journal(const storage_options& options,
                                                     const std::shared_ptr<mysql_database>& store,
                                                     storage& made) {
  switch (options.journal) {
  case storage_options::journal_kind::file:
    return open_file_journal(options, *store, made);
  case storage_options::journal_kind::mysql: // in tables beside the store: one backup has both
    made.description = store->description();
    return std::unique_ptr<paired_journal>(std::make_unique<mysql::mysql_journal>(store));
  case storage_options::journal_kind::redis:
    return open_redis_journal(options, *store, made);
  }
  return failure{errc::invalid_option, "there is no such journal"};
}

result<bool> note_drained(storage& of, mysql_database& database) {
  auto drained = is_drained(of);
  if (!drained || !*drained)
    return drained;
  auto record = database.read_journal_pairing();
  if (!record)
    return record.error();
  record->is_drained = true;
  if (auto noted = database.write_journal_pairing(*record); !noted)
    return noted.error();
  return true;
}

/// @returns errc::invalid_option if Redis refuses what is set; that it is away is no failure.
result<void> add_cache(redis_options options, storage& made) {
  // Nothing waits for a cache, a stop least of all.
  constexpr std::chrono::milliseconds longest{2'000};
  options.connect_timeout = std::min(options.connect_timeout, longest);
  options.read_timeout = std::min(options.read_timeout, longest);
  auto cache = std::make_unique<redis::redis_cache>(options);
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
  const auto database = *opened;
  storage made;
  made.store = std::make_unique<mysql::mysql_event_store>(database);
  made.shards = database->shards();
  made.free_bytes = no_limit;
  auto paired = open_paired_journal(
      name_of(options.journal), [&] { return open_journal(options, database, made); }, *made.store,
      *database);
  if (!paired)
    return paired.error();
  made.journal = std::move(paired->journal);
  made.warning = std::move(paired->warning);
  made.note_drained = [database](storage& of) { return note_drained(of, *database); };
  made.keep_alive = database;
  return made;
}

result<storage> open_store(const storage_options& options) {
  switch (options.store) {
  case storage_options::store_kind::rocksdb:
    return open_embedded(options);
  case storage_options::store_kind::mysql:
    return open_with_mysql(options);
  }
  return failure{errc::invalid_option, "there is no such store"};
}

} // namespace

result<storage> open_storage(const storage_options& options) {
  auto opened = open_store(options);
  if (opened && options.has_cache)
    if (auto outcome = add_cache(options.redis, *opened); !outcome)
      return outcome.error();
  return opened;
}

result<std::string> migrate_storage(const storage_options& options, bool dry_run) {
  switch (options.store) {
  case storage_options::store_kind::rocksdb:
    return std::string{"storage.store=rocksdb has no tables to migrate\n"};
  case storage_options::store_kind::mysql:
    break;
  }
  if (dry_run)
    return mysql::mysql_migrations();
  const auto opened = mysql_database::open(options.mysql, options.shards);
  if (!opened)
    return opened.error();
  return opened.value()->description() + " has schema version " +
         std::to_string(mysql::mysql_schema_version()) + "\n";
}

storage open_memory_storage(std::uint32_t shards) {
  storage made;
  made.journal =
      std::make_unique<memory::memory_journal>(std::make_shared<memory::memory_log>(shards));
  made.store =
      std::make_unique<memory::memory_event_store>(std::make_shared<memory::memory_tables>(shards));
  made.shards = shards;
  made.description = "memory";
  made.free_bytes = no_limit;
  made.note_drained = is_drained;
  return made;
}

} // namespace telemetry
