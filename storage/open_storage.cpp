#include "storage/open_storage.hpp"

#include "storage/file_journal/file_journal.hpp"
#include "storage/memory/memory_event_store.hpp"
#include "storage/memory/memory_journal.hpp"
#include "storage/mysql/mysql_database.hpp"
#include "storage/mysql/mysql_event_store.hpp"
#include "storage/mysql/mysql_journal.hpp"
#include "storage/mysql/mysql_schema.hpp"
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

/// What keeps the engines below journal and store alive.
struct engines {
  std::shared_ptr<mysql_database> mysql;
};

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
  made.engine = *database;
  made.journal = std::move(*journal);
  made.shards = (*home)->shards();
  made.description = rocksdb_name;
  made.free_bytes = [home = *home] { return home->free_bytes(); };
  made.note_drained = is_drained;
  return made;
}

// As in storage.journal, and in the store's record.
constexpr std::string_view file_journal_name = "file";
constexpr std::string_view mysql_journal_name = "mysql";
constexpr std::string_view redis_journal_name = "redis";

std::string_view name_of(storage_options::journal_kind journal) {
  switch (journal) {
  case storage_options::journal_kind::file:
    break;
  case storage_options::journal_kind::mysql:
    return mysql_journal_name;
  case storage_options::journal_kind::redis:
    return redis_journal_name;
  }
  return file_journal_name;
}

/// A refusal with the way out of it.
failure refuse_journal(const failure& why, const mysql_database& store) {
  return {why.code, why.text + ". To go on with what there is: " + store.accept_journal()};
}

/// Refuses a journal that is not the one to go on with.
/// @param before the store's record of its journal.
template <class Journal>
result<void> check_journal(Journal& journal, std::string_view name, const journal_pairing& before,
                           const mysql_database& store) {
  if (before.is_free())
    return {};
  const auto opening = journal.opening();
  if (!opening)
    return opening.error();
  const auto fits = before.check(name, *opening);
  return fits ? fits : refuse_journal(fits.error(), store);
}

/// Notes in both that they go together from now on: begun in the store, done in the journal,
/// confirmed in the store.
template <class Journal>
result<void> note_journal(Journal& journal, std::string_view name, mysql_database& store) {
  const auto opening = journal.opening();
  if (!opening)
    return opening.error();
  journal_pairing now{std::string(name), *opening, store.epoch(), false};
  if (auto noted = store.write_journal_pairing(now); !noted)
    return noted;
  if (auto noted = journal.note_opening(store.epoch()); !noted)
    return noted;
  now.confirmed = now.begun;
  return store.write_journal_pairing(now);
}

/// Compares a journal in files with its store, and makes them meet if they may differ.
/// @returns what is missing, to be logged; "" if nothing is.
result<std::string> match(file_journal& journal, event_store& store, const journal_pairing& before,
                          const mysql_database& database) {
  auto markers = store.markers();
  if (!markers)
    return markers.error();
  const auto losses = journal.find_losses(*markers);
  std::string lost;
  if (!losses.empty() && !before.is_drained)
    lost = "acknowledged events of the journal are lost: " + describe_losses(losses);
  if (!before.is_free())
    return lost.empty() ? result<std::string>{lost}
                        : refuse_journal({errc::corrupt, lost}, database);
  if (auto met = journal.meet(*markers); !met)
    return met.error();
  if (auto stored = store.commit({{}, *markers}); !stored)
    return stored.error();
  return lost;
}

/// The journal in data_dir, in front of a store elsewhere.
result<void> add_file_journal(storage_options options, const journal_pairing& before,
                              mysql_database& store, storage& made) {
  options.shards = store.shards();
  options.store_id = store.uuid();
  const auto home = data_directory::open(options);
  if (!home)
    return home.error();
  auto journal = open_files(options, *home);
  if (!journal)
    return journal.error();
  if (auto fits = check_journal(**journal, file_journal_name, before, store); !fits)
    return fits;
  const auto matched = match(**journal, *made.store, before, store);
  if (!matched)
    return matched.error();
  if (auto noted = note_journal(**journal, file_journal_name, store); !noted)
    return noted;
  made.warning = *matched;
  made.free_bytes = [home = *home] { return home->free_bytes(); };
  made.journal = std::move(*journal);
  made.description = "journal files in front of " + store.description();
  return {};
}

/// The journal in Redis, in front of MySQL.
result<void> add_redis_journal(const storage_options& options, const journal_pairing& before,
                               mysql_database& store, storage& made) {
  auto opened = redis::redis_journal::open(options.redis, store.shards(), store.uuid());
  if (!opened)
    return opened.error();
  auto& journal = **opened;
  const auto markers = made.store->markers();
  if (!markers)
    return markers.error();
  if (before.is_drained || (before.is_free() && journal.is_new())) {
    if (auto outcome = journal.continue_from(*markers); !outcome)
      return outcome;
  } else {
    auto accepted = journal.check_against(*markers);
    if (!accepted)
      return accepted.error();
    made.warning = *accepted;
  }
  if (made.warning.empty()) // what was accepted in Redis need not be accepted again here
    if (auto fits = check_journal(journal, redis_journal_name, before, store); !fits)
      return fits;
  if (auto noted = note_journal(journal, redis_journal_name, store); !noted)
    return noted;
  made.description = journal.description() + " in front of " + store.description();
  made.journal = std::move(*opened);
  return {};
}

/// The journal in tables beside the store: one backup has both.
result<void> add_mysql_journal(const std::shared_ptr<mysql_database>& database, storage& made) {
  const journal_pairing now{std::string(mysql_journal_name), database->epoch(), database->epoch(),
                            false};
  made.journal = std::make_unique<mysql::mysql_journal>(database);
  made.description = database->description();
  return database->write_journal_pairing(now);
}

result<void> add_journal(const storage_options& options, const journal_pairing& before,
                         engines& held, storage& made) {
  switch (options.journal) {
  case storage_options::journal_kind::file:
    return add_file_journal(options, before, *held.mysql, made);
  case storage_options::journal_kind::mysql:
    return add_mysql_journal(held.mysql, made);
  case storage_options::journal_kind::redis:
    return add_redis_journal(options, before, *held.mysql, made);
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
  auto held = std::make_shared<engines>();
  held->mysql = *opened;
  storage made;
  made.store = std::make_unique<mysql::mysql_event_store>(held->mysql);
  made.shards = held->mysql->shards();
  made.free_bytes = no_limit;
  const auto before = held->mysql->read_journal_pairing();
  if (!before)
    return before.error();
  if (const auto name = name_of(options.journal); !before->is_free() && before->journal != name)
    return refuse_journal(before->check(name, 0).error(), *held->mysql);
  if (auto added = add_journal(options, *before, *held, made); !added)
    return added.error();
  made.note_drained = [database = held->mysql](storage& of) { return note_drained(of, *database); };
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
