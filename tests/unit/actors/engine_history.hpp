#pragma once

#include "tests/support/engine_harness.hpp"
#include "tests/unit/actors/random_producer.hpp"
#include "tests/unit/actors/random_reads.hpp"

#include <map>
#include <random>
#include <set>

namespace telemetry::test {

/// One random life of a database: processes come and go over it.
class engine_history {
public:
  explicit engine_history(unsigned seed) : random_(seed), machine_(2, 2) {
    auto& options = machine_.options;
    options.robots_idle = std::chrono::milliseconds{below(2) == 0 ? 20 : 60'000};
    options.robots_active_max = below(2) == 0 ? 2 : 1'000;
    options.in_flight_max = 1 + below(12);
    options.inline_events_max = below(2) == 0 ? 0 : 1'000;
    options.checkpoint_interval = std::chrono::milliseconds{below(2) == 0 ? 15 : 300};
    options.memory_bytes_max = below(4) == 0 ? 10 * sizeof(track_row) : 1U << 30;
    options.stall_limit = std::chrono::hours{24};
    options.query_timeout = std::chrono::hours{24};
    static const char* const pool[] = {"a", "b", "c", "a ", "D", "robot/7", "\xC3\xA4", "e"};
    names_.assign(pool, pool + 1 + below(std::size(pool)));
    for (unsigned i = 0, count = 1 + below(3); i < count; ++i)
      producers_.push_back(std::make_unique<random_producer>(i, plan()));
    crash_odds_ = std::array{400U, 150U, 40U}[below(3)];
    checkpoint_odds_ = std::array{60U, 12U, 4U}[below(3)];
  }

  void run() {
    boot();
    for (unsigned step = 0; step < 500 && !testing::Test::HasFailure(); ++step) {
      act();
      if (below(crash_odds_) == 0)
        crash();
    }
    may_fail_ = false;
    if (!testing::Test::HasFailure())
      drain();
    if (!testing::Test::HasFailure())
      quiet_down();
    if (!testing::Test::HasFailure())
      check_final();
    disconnect();
    EXPECT_FALSE(machine_.fatal) << machine_.fatal->text;
  }

private:
  struct posted {
    std::vector<sent_event> events;
    std::optional<result<net::ingest_outcome>> outcome;
  };
  unsigned below(std::size_t limit) { return static_cast<unsigned>(random_() % limit); }

  // ---- what producers send

  sent_event next_event(std::map<std::string, timestamp_ms>& clock) {
    const auto kind = below(100);
    if (!pool_.empty() && kind < 18)
      return pool_[below(pool_.size())]; // sent before: a duplicate, perhaps an old one
    const auto coordinate = [this] { return static_cast<double>(random_()) / 1e6 - 2147.0; };
    if (!pool_.empty() && kind < 28) { // a conflict
      auto event = pool_[below(pool_.size())];
      std::get<2>(event) = coordinate();
      return event;
    }
    const auto& name = names_[below(names_.size())];
    auto& now = clock[name];
    now += below(5);
    const auto timestamp = std::max<timestamp_ms>(0, now + below(12) - 8);
    return {name, timestamp, coordinate(), coordinate()};
  }

  std::vector<sent_event> plan() {
    std::vector<sent_event> events;
    std::map<std::string, timestamp_ms> clock;
    for (unsigned i = 0, count = 5 + below(25); i < count; ++i) {
      events.push_back(next_event(clock));
      pool_.push_back(events.back());
    }
    return events;
  }

  // ---- life of the process

  void boot() {
    static constexpr int windows[] = {0, 4, 8, 15, 60};
    machine_.options.reorder_window = std::chrono::milliseconds{windows[below(5)]};
    machine_.boot();
    machine_.recover();
    up_ = false;
  }

  void crash() {
    disconnect();
    reads_.clear();
    posts_.clear();
    machine_.crash();
    machine_.database.tear_next_append = memory_database::no_tear;
    if (below(3) == 0)
      machine_.time.wall_clock -= below(200);
    else
      machine_.time.wall_clock += below(60);
    boot();
  }

  void disconnect() {
    for (const auto& one : producers_)
      one->disconnect();
  }

  // ---- one step

  void act() {
    if (below(3) == 0)
      pass_time();
    switch (below(may_fail_ ? 24 : 22)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return send();
    case 4:
    case 5:
      return receive();
    case 6:
    case 7:
    case 8:
    case 9:
      machine_.run_io(below(machine_.io_count()));
      return;
    case 20:
      if (below(checkpoint_odds_) == 0)
        machine_.ask_checkpoint();
      return;
    case 21:
      return read();
    case 22:
      return break_something();
    case 23:
      return odd_moment();
    default:
      run_actor();
    }
  }

  void run_actor() {
    machine_.run_actor(below(8));
    if (!up_ && machine_.recovered) {
      up_ = true;
      ASSERT_TRUE(*machine_.recovered);
      check_state(); // after every replay
    }
  }

  void pass_time() {
    machine_.pass(below(60) == 0 ? below(120) : below(4));
    if (may_fail_ && below(200) == 0)
      machine_.time.wall_clock -= below(300);
  }

  void send() {
    if (!up_)
      return;
    auto& one = *producers_[below(producers_.size())];
    if (!one.connected())
      one.connect(machine_, below(machine_.io_count()));
    else
      one.send(1 + below(3), 1 + below(2));
  }

  void receive() {
    for (const auto& text : producers_[below(producers_.size())]->receive(machine_.database.log))
      ok_.insert(text);
    for (auto& one : posts_)
      if (one->outcome)
        check_post(*one);
    std::erase_if(posts_, [](const auto& one) { return one->outcome.has_value(); });
  }

  void break_something() {
    auto& database = machine_.database;
    switch (below(7)) {
    case 0:
      return database.journal_faults->append.fail_next(1 + below(2), errc::unavailable);
    case 1:
      return database.journal_faults->append.lose_next_answers(1);
    case 2:
      database.tear_next_append = below(4); // of the two shards' batches none, one, or both
      return;
    case 3:
      return database.store_faults->commit.fail_next(1, errc::no_space);
    case 4:
      return database.store_faults->commit.lose_next_answers(1);
    case 5:
      return database.store_faults->robots.fail_next(1 + below(2), errc::unavailable);
    default:
      return database.journal_faults->trim.fail_next(1, errc::unavailable);
    }
  }

  void odd_moment() {
    switch (below(5)) {
    case 0:
      if (up_)
        producers_[below(producers_.size())]->disconnect();
      return;
    case 1:
      return post();
    case 2:
      if (up_) {
        check_quiet_moment();
      }
      return;
    default:
      return read();
    }
  }

  void post() {
    if (!up_)
      return;
    auto one = std::make_shared<posted>();
    std::vector<net::ingest_line> lines;
    for (unsigned i = 0, count = 1 + below(6); i < count; ++i) {
      std::map<std::string, timestamp_ms> clock;
      one->events.push_back(next_event(clock));
      const auto& [robot, timestamp, x, y] = one->events.back();
      lines.push_back({robot, {x, y}, timestamp});
    }
    posts_.push_back(one);
    machine_.engine().ingest(machine_.io(below(machine_.io_count())), net::anonymous(),
                             std::move(lines),
                             [one](result<net::ingest_outcome> what) { one->outcome = what; });
  }

  void check_post(const posted& one) {
    ASSERT_TRUE(*one.outcome);
    const auto& counts = **one.outcome;
    net::ingest_outcome expected;
    for (const auto& event : one.events) {
      ASSERT_TRUE(machine_.database.log.holds(event)) << "answered before it was durable";
      if (machine_.database.log.answers(event, "OK"))
        ++expected.accepted, ok_.insert(event);
      else if (machine_.database.log.answers(event, "CONFLICT"))
        ++expected.conflict;
      else
        ++expected.stale;
    }
    EXPECT_EQ(counts.accepted + counts.duplicate, expected.accepted);
    EXPECT_EQ(counts.conflict, expected.conflict);
    EXPECT_EQ(counts.stale, expected.stale);
    EXPECT_EQ(counts.refused, 0U);
  }

  void read() {
    machine_.database.store_faults->is_cached = below(2) == 0;
    if (up_)
      reads_.start(below(3) == 0 ? "" : names_[below(names_.size())], ok_);
  }

  // ---- state against the oracle

  /// If everything durable is applied, memory and store are what the log says.
  void check_quiet_moment() {
    constexpr std::int64_t reader_retry_ms = 260;
    machine_.database.store_faults->robots.fail_next(0, errc::unavailable);
    machine_.live(reader_retry_ms, reader_retry_ms / 4);
    if (!machine_.context().health.away()) // else a commit is retried, durable or not
      check_state();
  }

  /// Memory and store together are what the log says. @pre everything durable is applied.
  void check_state() {
    machine_.database.store_faults->robots.fail_next(0, errc::unavailable);
    std::vector<std::string> expected_names;
    for (const auto& [name, expected] : machine_.database.log.robots()) {
      expected_names.push_back(name);
      const auto rows = machine_.events(name);
      ASSERT_TRUE(rows) << rows.error().text;
      ASSERT_EQ(*rows, expected.rows(0, timestamp_max)) << name;
      const auto state = machine_.robot(name);
      ASSERT_TRUE(state);
      ASSERT_EQ(*state, std::optional{expected.state(timestamp_max)}) << name;
      machine_.database.store_faults->is_cached = below(2) == 0;
      const timestamp_ms from = below(40);
      const timestamp_ms to = from + below(60);
      const auto part = expected.rows(from, to);
      const auto odometer = machine_.odometer(name, from, to);
      ASSERT_TRUE(odometer);
      ASSERT_EQ(*odometer, part.empty() ? 0.0 : part.back().odometer - part.front().odometer);
    }
    const auto listed = machine_.robots();
    ASSERT_TRUE(listed);
    ASSERT_EQ(listed->size(), expected_names.size());
    for (std::size_t i = 0; i < listed->size(); ++i) {
      ASSERT_EQ((*listed)[i].name, expected_names[i]);
      ASSERT_EQ((*listed)[i].state,
                machine_.database.log.robots().at(expected_names[i]).state(timestamp_max));
    }
  }

  // ---- the end

  /// Everything is answered in bounded time, once nothing fails any more.
  void drain() {
    for (unsigned step = 0; step < 20'000 && !testing::Test::HasFailure(); ++step) {
      act();
      if (step % 8 == 0)
        machine_.pass(1);
      if (up_ && posts_.empty() &&
          std::all_of(producers_.begin(), producers_.end(),
                      [](const auto& one) { return one->finished(); }))
        return;
    }
    const auto& credit = machine_.context().credit;
    ADD_FAILURE() << "not everything is answered: up " << up_ << ", credit open "
                  << credit.is_open() << ", rows in memory "
                  << credit.bytes(charge::rows) / sizeof(track_row) << ", away "
                  << machine_.context().health.away().value_or("nothing");
  }

  /// Rule 5: what is quiet is sealed, stored and trimmed.
  void quiet_down() {
    for (int i = 0; i < 400 && !all_is_stored(); ++i)
      machine_.live(25, 25);
    EXPECT_TRUE(all_is_stored()) << "a quiet server, and the store does not have it all";
    check_state();
    EXPECT_TRUE(reads_.all_done()) << "a read was not answered";
  }

  /// What a crash or a failed trim left at or below a marker goes with the next one (rule 21).
  [[nodiscard]] bool all_is_stored() {
    if (machine_.context().credit.bytes(charge::rows) > 0)
      return false; // not stored, or not known to be
    const auto& markers = machine_.database.tables->markers;
    for (std::size_t shard = 0; shard < markers.size(); ++shard) {
      const auto& entries = machine_.database.journal->shards[shard];
      if (!entries.empty() && entries.rbegin()->first > markers[shard].cut)
        return false;
    }
    return true;
  }

  void check_final() {
    check_store();
    const auto before = snapshot();
    crash();
    machine_.settle();
    ASSERT_TRUE(machine_.recovered && *machine_.recovered);
    check_state();
    EXPECT_EQ((**machine_.recovered).events, 0U);
    machine_.live(1'000, 50);
    EXPECT_TRUE(before == snapshot()) << "a replay changed the store";
  }

  void check_store() {
    auto& tables = *machine_.database.tables;
    std::set<robot_id> ids;
    for (const auto& [name, expected] : machine_.database.log.robots()) {
      const auto row = tables.robots.find(name);
      ASSERT_TRUE(row != tables.robots.end()) << name;
      EXPECT_TRUE(ids.insert(row->second.id).second) << "two robots share an id";
      EXPECT_EQ(row->second.state, expected.state(timestamp_max)) << name;
      std::vector<event_row> rows;
      for (const auto& [timestamp, event] : tables.events[row->second.id])
        rows.push_back(event);
      EXPECT_EQ(rows, expected.rows(0, timestamp_max)) << name;
    }
    EXPECT_EQ(tables.robots.size(), machine_.database.log.robots().size());
  }

  [[nodiscard]] std::map<std::string, robot_state> snapshot() const {
    std::map<std::string, robot_state> out;
    for (const auto& [name, row] : machine_.database.tables->robots)
      out.emplace(name, row.state);
    return out;
  }

  std::mt19937 random_;
  engine_harness machine_;
  std::vector<std::string> names_;
  std::vector<sent_event> pool_;
  std::vector<std::unique_ptr<random_producer>> producers_;
  std::vector<std::shared_ptr<posted>> posts_;
  random_reads reads_{machine_};
  std::set<sent_event> ok_; ///< events that some producer has an OK for
  unsigned crash_odds_;
  unsigned checkpoint_odds_;
  bool may_fail_ = true;
  bool up_ = false; ///< the replay is done, and checked
};

} // namespace telemetry::test
