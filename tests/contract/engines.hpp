#pragma once

#include "storage/file_journal/file_journal.hpp"
#include "storage/open_storage.hpp"
#include "tests/support/faulty_file_system.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace telemetry::test {

/// A directory that exists as long as this does.
class temporary_directory {
public:
  temporary_directory();
  ~temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
  std::filesystem::path path_;
};

/// A journal and an event store that can be closed and opened again.
class engine_under_test {
public:
  virtual ~engine_under_test() = default;
  /// Closes what is open, and opens it. Fails the test if that fails.
  virtual void reopen() = 0;
  /// Has the numbers of `shard` go on above `batch_no`, as if that many had been appended and
  /// trimmed. Engines that do not keep the end of a shard take any number anyway.
  virtual void continue_after(std::uint32_t /*shard*/, std::uint64_t /*batch_no*/) {}
  virtual paired_journal& log() = 0;
  virtual event_store& store() = 0;
};

/// Makes an engine of `shards` shards, open.
struct engine_kind {
  const char* name;
  std::unique_ptr<engine_under_test> (*make)(std::uint32_t shards);
  /// What its cached_reads answer: all, what was read or written since it was opened, or nothing.
  enum class cached { all, what_was_read, nothing } cached_reads = cached::nothing;
  bool whole_checkpoints = true; ///< a reader sees all robots and markers of one, or nothing
};

inline void PrintTo(const engine_kind& kind, std::ostream* out) { *out << kind.name; }

/// For INSTANTIATE_TEST_SUITE_P: one of each.
std::vector<engine_kind> every_journal();
/// Memory, RocksDB with small checkpoints and with every checkpoint as files, MySQL with each
/// checkpoint as one transaction and as many.
std::vector<engine_kind> every_store();
std::string engine_name(const testing::TestParamInfo<engine_kind>& info);

/// Journal files as a test wants them: small segments, no reserve, free space asked for each time.
[[nodiscard]] journal_files::file_journal_options small_segments(std::uint64_t bytes = 64u << 10);

/// A journal in files, of 2 shards, on a disk that can fail.
class faulty_file_journal {
public:
  /// @param below the database's directory, in one that is there.
  explicit faulty_file_journal(
      const journal_files::file_journal_options& journal = small_segments(),
      const std::filesystem::path& below = {});
  virtual ~faulty_file_journal() = default;
  /// @returns as open_storage(), after closing what is open.
  virtual result<void> open();
  virtual void close() { log_.reset(); }
  /// The machine is on again, after a power cut that lost what was not synced.
  /// @param seed chooses the unsynced changes of names that are lost; 0: all of them.
  void power_on(std::uint64_t kept_tail_bytes, std::uint64_t seed = 0);

  [[nodiscard]] faulty_file_system& files() { return *files_; }
  [[nodiscard]] const std::filesystem::path& path() const { return directory_.path(); }
  /// @pre open() succeeded.
  [[nodiscard]] journal_files::file_journal& log() { return *log_; }

protected:
  result<void> open_journal();
  storage_options options_;
  std::shared_ptr<data_directory> home_; ///< nullptr: closed

private:
  temporary_directory directory_;
  journal_files::file_journal_options journal_options_;
  std::shared_ptr<faulty_file_system> files_ = std::make_shared<faulty_file_system>();
  std::unique_ptr<journal_files::file_journal> log_;
};

/// The same with a RocksDB beside it.
class faulty_database final : public faulty_file_journal {
public:
  /// @param ingest_from_entries blocks and robots from which a checkpoint goes as files.
  explicit faulty_database(std::size_t ingest_from_entries,
                           const journal_files::file_journal_options& journal = small_segments())
      : faulty_file_journal(journal), ingest_from_entries_(ingest_from_entries) {}
  result<void> open() override;
  void close() override;
  /// @pre open() succeeded.
  [[nodiscard]] event_store& store() { return *store_; }

private:
  std::size_t ingest_from_entries_;
  std::unique_ptr<event_store> store_;
};

} // namespace telemetry::test
