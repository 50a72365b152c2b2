// What checkpoints of the embedded store cost per event, in cpu and on disk, by how many events of
// each robot come in one checkpoint.
//
// Data: random walks in centimetres, an event a second (bench/macro/fleet), or with
// TELEMETRY_KITTI=FILE a drive whose lines are "x,y,timestamp,name", over and over, each robot
// somewhere else in it. "CPU" is the
// whole process, compaction settled; making the rows is not in it. "bytes" are those of the tables,
// robots included, per event; "events" without the robots.

#include "core/odometer.hpp"
#include "storage/rocksdb/rocksdb_database.hpp"
#include "storage/rocksdb/rocksdb_event_store.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

namespace telemetry {
namespace {

constexpr std::uint32_t shards = 8;
constexpr timestamp_ms epoch_ms = 1'600'000'000'000;

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "storage_blocks_bench: %s\n", why.c_str());
  std::exit(1);
}

template <class Result>
void require(const Result& outcome) {
  if (!outcome)
    fail(outcome.error().text);
}

/// The drive of TELEMETRY_KITTI; empty without one.
const std::vector<event_row>& drive() {
  static const std::vector<event_row> rows = [] {
    std::vector<event_row> read;
    const char* const path = std::getenv("TELEMETRY_KITTI");
    std::ifstream file(path == nullptr ? "" : path);
    event_row row{};
    char comma = 0;
    for (std::string name; file >> row.at.x >> comma >> row.at.y >> comma >> row.timestamp;) {
      std::getline(file, name);
      read.push_back(row);
    }
    return read;
  }();
  return rows;
}

/// Robots that go on from checkpoint to checkpoint, on walks or on the drive.
class moving_fleet {
public:
  moving_fleet(std::size_t robots, std::size_t rows_each, bool driving)
      : robots_(robots), rows_each_(rows_each), driving_(driving) {
    std::vector<robot_id> ids(robots);
    for (std::size_t i = 0; i < robots; ++i)
      ids[i] = ((i % shards) << 48) + i / shards + 1;
    std::shuffle(ids.begin(), ids.end(), random_);
    for (std::size_t i = 0; i < robots; ++i) {
      char name[32];
      std::snprintf(name, sizeof name, "robot-%06zu", i);
      robots_[i].name = name;
      robots_[i].id = ids[i];
      robots_[i].x_cm = static_cast<std::int64_t>(random_() % 1'000'000) - 500'000;
      robots_[i].y_cm = static_cast<std::int64_t>(random_() % 1'000'000) - 500'000;
      robots_[i].begin = random_() % 10'000;
      robots_[i].state.last_timestamp = epoch_ms;
      robots_[i].state.created = epoch_ms;
    }
  }

  checkpoint next() {
    checkpoint what;
    for (moving_robot& robot : robots_) {
      auto rows = std::make_shared<std::vector<track_row>>();
      rows->reserve(rows_each_);
      for (std::size_t n = 0; n < rows_each_; ++n)
        rows->push_back({next_row(robot), 1, 0});
      what.robots.push_back({robot.name, robot.id, robot.state, std::move(rows)});
    }
    ++cut_;
    for (std::uint32_t shard = 0; shard < shards; ++shard)
      what.markers.push_back({shard, cut_, 0, 0, robots_.size()});
    return what;
  }

private:
  struct moving_robot {
    std::string name;
    robot_id id;
    robot_state state;
    std::int64_t x_cm;
    std::int64_t y_cm;
    std::uint64_t begin; ///< where in the drive
  };

  event_row next_row(moving_robot& robot) {
    event_row row = driving_ ? drive_on(robot) : walk_on(robot);
    robot_state& state = robot.state;
    row.odometer = state.events == 0 ? 0 : odometer_after(state.odometer, state.last, row.at);
    state.last = row.at;
    state.odometer = row.odometer;
    state.last_timestamp = row.timestamp;
    state.updated = row.timestamp + 40;
    ++state.events;
    return row;
  }
  event_row walk_on(moving_robot& robot) {
    robot.x_cm += static_cast<std::int64_t>(random_() % 401) - 200;
    robot.y_cm += static_cast<std::int64_t>(random_() % 401) - 200;
    const timestamp_ms at =
        robot.state.last_timestamp + 900 + static_cast<timestamp_ms>(random_() % 200);
    return {at, {static_cast<double>(robot.x_cm) / 100, static_cast<double>(robot.y_cm) / 100}, 0};
  }
  event_row drive_on(const moving_robot& robot) {
    const std::uint64_t event = robot.begin + robot.state.events;
    const auto lap = static_cast<timestamp_ms>(event / drive().size());
    event_row row = drive()[event % drive().size()];
    row.timestamp += lap * (drive().back().timestamp - drive().front().timestamp + 100);
    return row;
  }

  std::mt19937_64 random_{2};
  std::vector<moving_robot> robots_;
  std::size_t rows_each_;
  bool driving_;
  std::uint64_t cut_ = 0;
};

/// A database in a directory that goes away with this.
class measured_database {
public:
  measured_database() {
    std::string name = (std::filesystem::temp_directory_path() / "telemetry-bench.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
      fail("cannot make " + name);
    options_.data_dir = name;
    options_.shards = shards;
    const auto home = data_directory::open(options_);
    require(home);
    auto opened = rocks::rocksdb_database::open(*home, options_);
    require(opened);
    database_ = *opened;
    store_ = std::make_unique<rocks::rocksdb_event_store>(database_);
  }
  ~measured_database() {
    store_.reset();
    database_.reset();
    std::filesystem::remove_all(options_.data_dir);
  }
  measured_database(const measured_database&) = delete;
  measured_database& operator=(const measured_database&) = delete;

  event_store& store() { return *store_; }
  void flush() {
    require_ok(database_->use()->db().Flush({}, database_->use()->handle(rocks::family::events)));
  }
  /// Waits for flushes and compactions.
  void settle() {
    const auto session = database_->use();
    const auto busy = [&](const char* property) {
      std::uint64_t count = 0;
      session->db().GetAggregatedIntProperty(property, &count);
      return count != 0;
    };
    while (busy("rocksdb.num-running-compactions") || busy("rocksdb.compaction-pending") ||
           busy("rocksdb.num-running-flushes") || busy("rocksdb.mem-table-flush-pending"))
      usleep(1000);
  }
  /// Bytes of the tables of one family, what waits in memory included.
  std::uint64_t bytes(rocks::family which) {
    const auto session = database_->use();
    require_ok(session->db().Flush(rocksdb::FlushOptions(), session->handle(which)));
    std::uint64_t count = 0;
    session->db().GetIntProperty(session->handle(which), "rocksdb.total-sst-files-size", &count);
    return count;
  }

private:
  static void require_ok(const rocksdb::Status& status) {
    if (!status.ok())
      fail(status.ToString());
  }

  storage_options options_;
  std::shared_ptr<rocks::rocksdb_database> database_;
  std::unique_ptr<event_store> store_;
};

/// The arguments are robots, events of each per checkpoint, checkpoints, and 1 for the drive.
void checkpoint_sizes(benchmark::State& state) {
  const auto robots = static_cast<std::size_t>(state.range(0));
  const auto rows_each = static_cast<std::size_t>(state.range(1));
  if (state.range(3) != 0 && drive().empty())
    return state.SkipWithError("TELEMETRY_KITTI names no drive");
  double rows = 0;
  std::uint64_t event_bytes = 0;
  std::uint64_t robot_bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    measured_database database;
    moving_fleet fleet(robots, rows_each, state.range(3) != 0);
    for (std::int64_t n = 0; n < state.range(2); ++n) {
      const checkpoint what = fleet.next();
      state.ResumeTiming();
      require(database.store().commit(what));
      database.settle();
      state.PauseTiming();
      rows += static_cast<double>(robots * rows_each);
    }
    event_bytes += database.bytes(rocks::family::events);
    robot_bytes += database.bytes(rocks::family::robots);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(rows));
  state.counters["events"] = static_cast<double>(event_bytes) / rows;
  state.counters["bytes"] = static_cast<double>(event_bytes + robot_bytes) / rows;
  state.counters["per_event"] =
      benchmark::Counter(rows, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(checkpoint_sizes)
    ->ArgNames({"robots", "each", "checkpoints", "drive"})
    ->Args({100'000, 1, 16, 0})
    ->Args({100'000, 2, 16, 0})
    ->Args({100'000, 5, 9, 0})
    ->Args({50'000, 20, 9, 0})
    ->Args({5'000, 100, 9, 0})
    ->Args({500, 2'000, 9, 0})
    ->Args({1'000'000, 1, 3, 0})
    ->Args({100'000, 1, 16, 1})
    ->Args({50'000, 5, 9, 1})
    ->Args({50'000, 20, 9, 1})
    ->Args({5'000, 100, 9, 1})
    ->Args({500, 2'000, 9, 1})
    ->Iterations(1)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

} // namespace
} // namespace telemetry
