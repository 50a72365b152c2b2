// Cost of the embedded engine: journal commit, checkpoint, and every read.
//
// Data: made here, in order, 3 decimals; robots are shuffled over ids; 44 journal bytes per event.
// Directory: a new one below TMPDIR (/tmp), on whatever disk that is. "CPU" is the whole process,
// flushes and compactions on RocksDB's threads included; "Time" is what the caller waits.

#include "storage/open_storage.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

namespace telemetry {
namespace {

constexpr std::uint32_t shards = 8;

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "storage_bench: %s\n", why.c_str());
  std::exit(1);
}

template <class Result>
void require(const Result& outcome) {
  if (!outcome)
    fail(outcome.error().text);
}

/// A database in a directory that goes away with this.
class bench_database {
public:
  bench_database() {
    std::string name = (std::filesystem::temp_directory_path() / "telemetry-bench.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
      fail("cannot make " + name);
    options_.data_dir = name;
    options_.shards = shards;
    reopen();
  }
  ~bench_database() {
    opened_ = {};
    std::filesystem::remove_all(options_.data_dir);
  }
  bench_database(const bench_database&) = delete;
  bench_database& operator=(const bench_database&) = delete;

  void reopen() {
    opened_ = {};
    auto opened = open_storage(options_);
    if (!opened)
      fail(opened.error().text);
    opened_ = std::move(opened.value());
  }
  /// Has the journal end just above `cut` of every shard, as a store of those cuts expects.
  void follow(std::uint64_t cut) {
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      const std::array tick{journal_batch{shard, 1, {cut + 1, 1, 0, 0}, record_kind::events, {}}};
      require(log().trim(shard, cut));
      require(log().append(tick));
    }
  }
  journal& log() { return *opened_.journal; }
  event_store& store() { return *opened_.store; }

private:
  storage_options options_;
  storage opened_;
};

/// Robots "robot-000000"… whose rows grow by `rows_each` per checkpoint.
class growing_fleet {
public:
  growing_fleet(std::size_t robots, std::size_t rows_each) : rows_each_(rows_each) {
    std::vector<robot_id> ids(robots);
    for (std::size_t i = 0; i < robots; ++i)
      ids[i] = ((i % shards) << 48) + i + 1;
    std::shuffle(ids.begin(), ids.end(), std::mt19937_64(1));
    for (std::size_t i = 0; i < robots; ++i) {
      char name[32];
      std::snprintf(name, sizeof name, "robot-%06zu", i);
      robots_.push_back({name, ids[i], {}});
    }
  }

  /// The next checkpoint. Making it is the robots' work, not the store's.
  checkpoint next() {
    checkpoint what;
    for (known_robot& robot : robots_) {
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
  [[nodiscard]] robot_id id(std::size_t i) const { return robots_[i].id; }
  [[nodiscard]] const std::string& name(std::size_t i) const { return robots_[i].name; }

private:
  struct known_robot {
    std::string name;
    robot_id id;
    robot_state state;
  };
  event_row next_row(known_robot& robot) {
    const auto step = [this] { return static_cast<double>(random_() % 2000) / 1000.0 - 1.0; };
    robot.state.last = {robot.state.last.x + step(), robot.state.last.y + step()};
    robot.state.odometer += 0.7654321;
    robot.state.last_timestamp += 100;
    ++robot.state.events;
    return {robot.state.last_timestamp, robot.state.last, robot.state.odometer};
  }

  std::vector<known_robot> robots_;
  std::size_t rows_each_;
  std::uint64_t cut_ = 0;
  std::mt19937_64 random_{2};
};

/// The argument is the events of a group commit; they are spread over the shards.
void journal_commit(benchmark::State& state) {
  bench_database database;
  const auto events = static_cast<std::size_t>(state.range(0));
  const std::size_t used = std::min<std::size_t>(events, shards);
  const std::string payload(44 * events / used, 'e');
  const std::array<std::string_view, 1> parts{payload};
  std::uint64_t batch_no = 0;
  for (auto _ : state) {
    ++batch_no;
    std::vector<journal_batch> batches;
    for (std::uint32_t shard = 0; shard < used; ++shard)
      batches.push_back({shard, 1, {batch_no, 1, 0, 0}, record_kind::events, parts});
    require(database.log().append(batches));
    if (batch_no % 4096 == 0) // as a checkpoint would
      for (std::uint32_t shard = 0; shard < used; ++shard)
        require(database.log().trim(shard, batch_no - 1024));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(journal_commit)
    ->Arg(1)
    ->Arg(32)
    ->Arg(500)
    ->Arg(3000)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

/// Reads 2M events back, as a restart does.
void journal_replay(benchmark::State& state) {
  bench_database database;
  const std::string payload(44 * 1000, 'e');
  const std::array<std::string_view, 1> parts{payload};
  for (std::uint64_t n = 1; n <= 2000; ++n) {
    const std::array batches{journal_batch{0, 1, {n, 1, 0, 0}, record_kind::events, parts}};
    require(database.log().append(batches));
  }
  for (auto _ : state) {
    database.reopen();
    require(database.log().replay(0, 0, [](const journal_batch& batch) {
      benchmark::DoNotOptimize(batch.payload.data());
      return result<void>();
    }));
  }
  state.SetItemsProcessed(state.iterations() * 2'000'000);
}
BENCHMARK(journal_replay)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);

/// The arguments are robots, and new rows of each, per checkpoint.
void checkpoint_commit(benchmark::State& state) {
  bench_database database;
  growing_fleet fleet(static_cast<std::size_t>(state.range(0)),
                      static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) {
    state.PauseTiming();
    const checkpoint what = fleet.next();
    state.ResumeTiming();
    require(database.store().commit(what));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * state.range(1));
}
BENCHMARK(checkpoint_commit)
    ->Args({1'000, 10})
    ->Args({1'000, 500})
    ->Args({10'000, 1})
    ->Args({100'000, 5})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

/// 100k robots with 20 rows each in four runs, and one more robot with a million rows.
struct filled_database {
  filled_database() {
    for (int run = 0; run < 4; ++run)
      require(database.store().commit(fleet.next()));
    require(database.store().commit(lone.next()));
    database.follow(1); // the markers of the last one
    database.reopen();
  }
  static filled_database& get() {
    static filled_database only;
    return only;
  }
  static constexpr std::size_t robots = 100'000;
  static constexpr robot_id lone_id = 7;
  static constexpr timestamp_ms lone_last = 100 * 1'000'000;

  bench_database database;
  growing_fleet fleet{robots, 5};
  struct lone_robot {
    static checkpoint next() {
      auto rows = std::make_shared<std::vector<track_row>>();
      for (timestamp_ms t = 100; t <= lone_last; t += 100)
        rows->push_back({{t, {double(t), 0}, double(t)}, 1, 0});
      robot_state state;
      state.last_timestamp = lone_last;
      checkpoint what;
      what.robots.push_back({"lone", lone_id, state, std::move(rows)});
      return what;
    }
  } lone;
};

void floor_and_ceil_of_a_robot_with_20_rows(benchmark::State& state) {
  filled_database& filled = filled_database::get();
  std::mt19937_64 random(3);
  for (auto _ : state) {
    const robot_id id = filled.fleet.id(random() % filled_database::robots);
    const auto from = static_cast<timestamp_ms>(random() % 1000);
    benchmark::DoNotOptimize(filled.database.store().ceil(id, from));
    benchmark::DoNotOptimize(filled.database.store().floor(id, from + 1000));
  }
}
BENCHMARK(floor_and_ceil_of_a_robot_with_20_rows);

void floor_and_ceil_of_a_robot_with_1M_rows(benchmark::State& state) {
  filled_database& filled = filled_database::get();
  std::mt19937_64 random(4);
  for (auto _ : state) {
    const auto from = static_cast<timestamp_ms>(random() % filled_database::lone_last);
    benchmark::DoNotOptimize(filled.database.store().ceil(filled_database::lone_id, from));
    benchmark::DoNotOptimize(filled.database.store().floor(filled_database::lone_id, from + 5000));
  }
}
BENCHMARK(floor_and_ceil_of_a_robot_with_1M_rows);

/// The argument is the number of keys of one look-up, half of them absent.
void exact_keys(benchmark::State& state) {
  filled_database& filled = filled_database::get();
  std::mt19937_64 random(5);
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<event_store::key> keys;
    for (std::int64_t i = 0; i < state.range(0); ++i)
      keys.push_back({filled.fleet.id(random() % filled_database::robots),
                      static_cast<timestamp_ms>(random() % 20) * 100 + 99 + (i % 2)});
    std::sort(keys.begin(), keys.end());
    state.ResumeTiming();
    benchmark::DoNotOptimize(filled.database.store().exact(keys));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(exact_keys)->Arg(1)->Arg(1000);

/// The argument is the number of names of one activation.
void robots_by_name(benchmark::State& state) {
  filled_database& filled = filled_database::get();
  std::mt19937_64 random(6);
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<std::string_view> names;
    for (std::int64_t i = 0; i < state.range(0); ++i)
      names.emplace_back(filled.fleet.name(random() % filled_database::robots));
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    state.ResumeTiming();
    benchmark::DoNotOptimize(filled.database.store().robots(names));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(robots_by_name)->Arg(1)->Arg(1000);

void scan_of_10k_rows(benchmark::State& state) {
  filled_database& filled = filled_database::get();
  std::mt19937_64 random(7);
  for (auto _ : state) {
    const auto from = static_cast<timestamp_ms>(random() % (filled_database::lone_last / 2));
    benchmark::DoNotOptimize(filled.database.store().scan(filled_database::lone_id, from,
                                                          filled_database::lone_last, 10'000));
  }
  state.SetItemsProcessed(state.iterations() * 10'000);
}
BENCHMARK(scan_of_10k_rows)->Unit(benchmark::kMillisecond);

void list_of_100k_robots(benchmark::State& state) {
  filled_database& filled = filled_database::get();
  for (auto _ : state)
    benchmark::DoNotOptimize(filled.database.store().scan_robots("", "", filled_database::robots));
  state.SetItemsProcessed(state.iterations() * 100'000);
}
BENCHMARK(list_of_100k_robots)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace telemetry
