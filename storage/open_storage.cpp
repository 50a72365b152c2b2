#include "storage/open_storage.hpp"

#include "storage/memory_event_store.hpp"
#include "storage/memory_journal.hpp"
#include "storage/rocksdb_database.hpp"
#include "storage/rocksdb_event_store.hpp"
#include "storage/rocksdb_journal.hpp"

#include <limits>
#include <rocksdb/version.h>
#include <utility>

namespace telemetry {

result<storage> open_storage(const storage_options& options) {
  auto opened = detail::rocksdb_database::open(options);
  if (!opened)
    return opened.error();
  const std::shared_ptr<detail::rocksdb_database> database = *opened;
  storage made;
  made.engine = database;
  made.journal = std::make_unique<detail::rocksdb_journal>(database);
  made.store = std::make_unique<detail::rocksdb_event_store>(database);
  made.shards = database->shards();
  made.description = "rocksdb " + rocksdb::GetRocksVersionAsString();
  made.free_bytes = [database] { return database->free_bytes(); };
  return made;
}

storage open_memory_storage(std::uint32_t shards) {
  storage made;
  made.journal =
      std::make_unique<detail::memory_journal>(std::make_shared<detail::memory_log>(shards));
  made.store =
      std::make_unique<detail::memory_event_store>(std::make_shared<detail::memory_tables>(shards));
  made.shards = shards;
  made.description = "memory";
  made.free_bytes = []() -> result<std::uint64_t> {
    return std::numeric_limits<std::uint64_t>::max();
  };
  return made;
}

} // namespace telemetry
