#include "storage/rocksdb/rocksdb_database.hpp"

#include "storage/rocksdb/checkpoint_chain.hpp"
#include "storage/rocksdb/page_cache_only.hpp"

#include <fstream>
#include <rocksdb/cache.h>
#include <rocksdb/listener.h>
#include <utility>

namespace telemetry::rocks {
namespace {

/// Bytes of a test write before the database is closed and opened again: room for the manifest and
/// a new log.
constexpr std::size_t probe_bytes = 1u << 20;

/// Keeps RocksDB from recovering by itself after a failed write to its log. (It retries a failed
/// flush or compaction in the background every 5 s.)
class no_writing_on final : public rocksdb::EventListener {
public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason, rocksdb::Status,
                            bool* automatic) override {
    if (reason == rocksdb::BackgroundErrorReason::kWriteCallback)
      *automatic = false;
  }
};

/// Translates `status`. The text begins with `what`, which failed.
failure to_failure(const rocksdb::Status& status, const std::string& what) {
  errc code = errc::unavailable;
  if (status.IsCorruption())
    code = errc::corrupt;
  else if (status.IsNoSpace())
    code = errc::no_space;
  return {code, what + ": " + status.ToString()};
}

/// Reads the name of the damaged log from RocksDB's own LOG, because its status does not have it.
/// @returns ": /data/000004.log: dropping 770 bytes; …", or "" if LOG does not have it.
std::string damaged_file(const std::string& dir) {
  std::ifstream log(dir + "/LOG");
  std::string found;
  for (std::string line; std::getline(log, line);)
    if (const std::size_t at = line.find(dir);
        at != line.npos && line.find("dropping", at) != line.npos)
      found = ": " + line.substr(at);
  return found;
}

} // namespace

rocksdb_database::rocksdb_database(std::shared_ptr<data_directory> home,
                                   const storage_options& options)
    : home_(std::move(home)), options_(options),
      env_(rocksdb::NewCompositeEnv(page_cache_files(home_->files()))) {
  const memory_budget budget = make_memory_budget(options.cache_bytes);
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(budget.cache_bytes);
  db_options_ = make_db_options(budget, cache, env_.get());
  db_options_.listeners.push_back(std::make_shared<no_writing_on>());
  families_ = make_families(budget, cache);
}

result<std::shared_ptr<rocksdb_database>>
rocksdb_database::open(std::shared_ptr<data_directory> home, const storage_options& options) {
  std::shared_ptr<rocksdb_database> database(new rocksdb_database(std::move(home), options));
  if (result<void> cleared = database->empty_checkpoint_dir(); !cleared)
    return cleared.error();
  if (result<void> opened = database->open_db(); !opened)
    return opened.error();
  return database;
}

rocksdb_database::~rocksdb_database() { close_db(); }

void rocksdb_database::close_db() noexcept {
  if (!db_)
    return;
  for (rocksdb::ColumnFamilyHandle* handle : handles_)
    static_cast<void>(db_->DestroyColumnFamilyHandle(handle));
  handles_.clear();
  static_cast<void>(db_->Close());
  db_.reset();
}

result<rocksdb_database::session> rocksdb_database::use() {
  std::unique_lock entry(entry_);
  std::shared_lock lock(open_);
  entry.unlock();
  if (!db_)
    return failure{errc::unavailable,
                   "the database in " + home_->path() + " could not be opened again yet"};
  return session(std::move(lock), *this);
}

std::optional<rocksdb_database::session> rocksdb_database::try_use() {
  std::unique_lock entry(entry_, std::try_to_lock);
  if (!entry)
    return std::nullopt;
  std::shared_lock lock(open_, std::try_to_lock);
  entry.unlock();
  if (!lock || !db_)
    return std::nullopt;
  return session(std::move(lock), *this);
}

result<void> rocksdb_database::open_db() {
  // Compaction must not take the processor from threads that answer producers.
  env_->LowerThreadPoolCPUPriority(rocksdb::Env::LOW);
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(db_options_, home_->path(), families_, &handles_, &db);
  db_.reset(db);
  if (status.ok())
    return read_last_checkpoint();
  if (result<void> synced = home_->check_syncs(); !synced)
    return synced;
  failure why = to_failure(status, "cannot open the database in " + home_->path());
  if (why.code == errc::corrupt)
    why.text += damaged_file(home_->path());
  return why;
}

result<void> rocksdb_database::read_last_checkpoint() {
  const auto last = read_chain(*db_, handles_);
  if (last) {
    last_checkpoint_ = *last;
    return {};
  }
  close_db();
  return failure{last.error().code, "the database in " + home_->path() + ": " + last.error().text};
}

result<void> rocksdb_database::empty_checkpoint_dir() {
  std::error_code error;
  std::filesystem::remove_all(checkpoint_dir(), error);
  if (!error)
    std::filesystem::create_directory(checkpoint_dir(), error);
  if (error)
    return failure{errc::unavailable, "cannot empty " + checkpoint_dir() + ": " + error.message()};
  return {};
}

rocksdb::Options rocksdb_database::table_options(family which) const {
  return {db_options_, families_[static_cast<std::size_t>(which)].options};
}

result<void> rocksdb_database::ready_to_write(std::uint64_t needed_bytes) {
  if (result<void> synced = home_->check_syncs(); !synced)
    return synced;
  if (result<void> room = home_->check_space(needed_bytes); !room)
    return room;
  if (write_failed_.load(std::memory_order_acquire))
    return reopen();
  return {};
}

result<void> rocksdb_database::reopen() {
  const std::scoped_lock lock(entry_, open_);
  if (!write_failed_.load(std::memory_order_acquire))
    return {}; // another writer has opened the database again
  if (result<void> room = check_room_to_open(); !room)
    return room;
  close_db();
  if (result<void> opened = open_db(); !opened)
    return opened;
  write_failed_.store(false, std::memory_order_release);
  return {};
}

result<void> rocksdb_database::check_room_to_open() {
  // Opening writes the content of the log to tables.
  std::uint64_t unflushed = 0;
  if (db_)
    db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &unflushed);
  if (result<void> room = home_->check_space(unflushed); !room)
    return room;
  // Only a write shows whether a quota is used up or the disk fails.
  const std::string probe = checkpoint_dir() + "/probe";
  const rocksdb::Status status =
      rocksdb::WriteStringToFile(env_.get(), std::string(probe_bytes, '\0'), probe);
  static_cast<void>(env_->DeleteFile(probe));
  return status.ok() ? result<void>() : to_failure(status, "cannot write to " + home_->path());
}

result<void> rocksdb_database::written(const rocksdb::Status& status, std::string_view what) {
  if (status.ok())
    return {};
  write_failed_.store(true, std::memory_order_release);
  if (result<void> synced = home_->check_syncs(); !synced)
    return synced;
  failure why = to_failure(status, std::string(what));
  if (why.code == errc::corrupt)
    why.text += " in " + home_->path();
  return why;
}

result<void> rocksdb_database::read(const rocksdb::Status& status, std::string_view what,
                                    errc if_damaged) const {
  if (status.ok())
    return {};
  failure why = to_failure(status, std::string(what) + " in " + home_->path());
  if (why.code == errc::corrupt)
    why.code = if_damaged;
  return why;
}

failure rocksdb_database::damaged(std::string_view place, errc if_damaged) const {
  return {if_damaged, std::string(place) + " is damaged in " + home_->path()};
}

} // namespace telemetry::rocks
