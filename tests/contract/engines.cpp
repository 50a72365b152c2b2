#include "tests/contract/engines.hpp"

#include "storage/data_dir/data_directory.hpp"
#include "storage/file_journal/file_journal.hpp"
#include "storage/memory/memory_event_store.hpp"
#include "storage/memory/memory_journal.hpp"
#include "storage/redis/redis_journal.hpp"
#include "storage/rocksdb/rocksdb_database.hpp"
#include "storage/rocksdb/rocksdb_event_store.hpp"
#include "tests/contract/mysql_engine.hpp"
#include "tests/support/redis_process.hpp"

#include <cstdlib>
#include <limits>
#include <utility>

namespace telemetry::test {
namespace {

class memory_engine final : public engine_under_test {
public:
  explicit memory_engine(std::uint32_t shards)
      : log_data_(std::make_shared<memory::memory_log>(shards)),
        tables_(std::make_shared<memory::memory_tables>(shards)) {
    reopen();
  }
  void reopen() override {
    log_ = std::make_unique<memory::memory_journal>(log_data_);
    store_ = std::make_unique<memory::memory_event_store>(tables_);
  }
  paired_journal& log() override { return *log_; }
  event_store& store() override { return *store_; }

private:
  std::shared_ptr<memory::memory_log> log_data_;
  std::shared_ptr<memory::memory_tables> tables_;
  std::unique_ptr<paired_journal> log_;
  std::unique_ptr<event_store> store_;
};

/// A journal in files beside a RocksDB.
class embedded_engine final : public engine_under_test {
public:
  embedded_engine(std::uint32_t shards, std::size_t ingest_from_entries)
      : ingest_from_entries_(ingest_from_entries) {
    options_.data_dir = directory_.path() / "data";
    options_.shards = shards;
    options_.cache_bytes = 8u << 20;
    reopen();
  }
  void reopen() override {
    log_.reset();
    store_.reset();
    const auto home = data_directory::open(options_);
    if (!home)
      FAIL() << home.error().text;
    auto log = journal_files::file_journal::open(*home, {});
    if (!log)
      FAIL() << log.error().text;
    log_ = std::move(*log);
    const auto opened = rocks::rocksdb_database::open(*home, options_);
    if (!opened)
      FAIL() << opened.error().text;
    // What the kernel has in memory is not known here: no cached read asks it.
    constexpr std::size_t file_reads_max = 0;
    store_ =
        std::make_unique<rocks::rocksdb_event_store>(*opened, ingest_from_entries_, file_reads_max);
  }
  paired_journal& log() override { return *log_; }
  event_store& store() override { return *store_; }

private:
  temporary_directory directory_;
  storage_options options_;
  std::size_t ingest_from_entries_;
  std::unique_ptr<paired_journal> log_;
  std::unique_ptr<event_store> store_;
};

/// A journal in files; its store is in memory.
class file_engine final : public engine_under_test {
public:
  explicit file_engine(std::uint32_t shards)
      : store_(std::make_shared<memory::memory_tables>(shards)) {
    options_.data_dir = directory_.path() / "data";
    options_.shards = shards;
    reopen();
  }
  void reopen() override {
    log_.reset();
    const auto home = data_directory::open(options_);
    if (!home)
      FAIL() << home.error().text;
    auto opened = journal_files::file_journal::open(*home, small_segments());
    if (!opened)
      FAIL() << opened.error().text;
    log_ = std::move(*opened);
  }
  paired_journal& log() override { return *log_; }
  event_store& store() override { return store_; }

private:
  temporary_directory directory_;
  storage_options options_;
  std::unique_ptr<paired_journal> log_;
  memory::memory_event_store store_;
};

/// A journal in the Redis that all tests share; its store is in memory.
class redis_engine final : public engine_under_test {
public:
  explicit redis_engine(std::uint32_t shards)
      : options_(private_redis_options(shared_redis_socket())), shards_(shards),
        store_(std::make_shared<memory::memory_tables>(shards)) {
    reopen();
  }
  ~redis_engine() override { delete_redis_keys(options_); }
  void reopen() override {
    log_.reset();
    auto opened = redis::redis_journal::open(options_, shards_, "a store");
    if (!opened)
      FAIL() << opened.error().text;
    log_ = std::move(*opened);
  }
  void continue_after(std::uint32_t shard, std::uint64_t batch_no) override {
    shard_marker marker;
    marker.shard = shard;
    marker.cut = batch_no;
    ASSERT_TRUE(log_->continue_from(std::span(&marker, 1)));
  }
  paired_journal& log() override { return *log_; }
  event_store& store() override { return store_; }

private:
  redis_options options_;
  std::uint32_t shards_;
  std::unique_ptr<redis::redis_journal> log_;
  memory::memory_event_store store_;
};

constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

template <class Engine, auto... Arguments>
std::unique_ptr<engine_under_test> make(std::uint32_t shards) {
  return std::make_unique<Engine>(shards, Arguments...);
}

} // namespace

temporary_directory::temporary_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "telemetry.XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    std::abort();
  path_ = name;
}

temporary_directory::~temporary_directory() { std::filesystem::remove_all(path_); }

std::vector<engine_kind> every_journal() {
  return {{"Memory", make<memory_engine>},
          {"File", make<file_engine>},
          {"Redis", make<redis_engine>},
          {"Mysql", make<mysql_engine, mysql::checkpoint_sizes{}>}};
}

std::vector<engine_kind> every_store() {
  using enum engine_kind::cached;
  return {{"Memory", make<memory_engine>, all},
          {"RocksdbBatches", make<embedded_engine, never>, what_was_read},
          {"RocksdbFiles", make<embedded_engine, std::size_t{0}>, what_was_read},
          {"Mysql", make<mysql_engine, mysql::checkpoint_sizes{}>, nothing},
          {"MysqlPieces", make<mysql_engine, mysql::checkpoint_sizes{3, 2}>, nothing, false}};
}

std::string engine_name(const testing::TestParamInfo<engine_kind>& info) { return info.param.name; }

journal_files::file_journal_options small_segments(std::uint64_t bytes) {
  return {.min_free_bytes = 0,
          .space_check_interval = std::chrono::milliseconds(0),
          .segment_bytes_min = bytes,
          .segment_bytes_max = bytes};
}

faulty_file_journal::faulty_file_journal(const journal_files::file_journal_options& journal,
                                         const std::filesystem::path& below)
    : journal_options_(journal) {
  options_.data_dir = below.empty() ? directory_.path() : directory_.path() / below;
  options_.shards = 2;
  options_.min_free_bytes = journal.min_free_bytes;
  options_.cache_bytes = 8u << 20;
}

result<void> faulty_file_journal::open() {
  close();
  auto outcome = open_journal();
  home_.reset();
  return outcome;
}

result<void> faulty_file_journal::open_journal() {
  const auto home = data_directory::open(options_, files_);
  if (!home)
    return home.error();
  auto log = journal_files::file_journal::open(*home, journal_options_);
  if (!log)
    return log.error();
  home_ = *home;
  log_ = std::move(*log);
  return {};
}

void faulty_file_journal::power_on(std::uint64_t kept_tail_bytes, std::uint64_t seed) {
  close();
  files_->lose_unsynced(kept_tail_bytes, seed);
  files_ = std::make_shared<faulty_file_system>();
}

result<void> faulty_database::open() {
  close();
  auto outcome = open_journal();
  const auto home = std::move(home_);
  if (!outcome)
    return outcome;
  const auto opened = rocks::rocksdb_database::open(home, options_);
  if (!opened)
    return opened.error();
  store_ = std::make_unique<rocks::rocksdb_event_store>(*opened, ingest_from_entries_);
  return {};
}

void faulty_database::close() {
  faulty_file_journal::close();
  store_.reset();
}

} // namespace telemetry::test
