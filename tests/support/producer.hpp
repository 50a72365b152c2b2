#pragma once

#include "tests/support/engine_harness.hpp"

namespace telemetry::test {

/// The fixture of focused tests: an engine over a database in memory.
class engine_test : public testing::Test, public engine_harness {
protected:
  explicit engine_test(std::uint32_t shards = 1) : engine_harness(shards, 2) {
    options.reorder_window = std::chrono::milliseconds{window_ms};
  }
  static constexpr std::int64_t window_ms = 10;

  /// Timestamps of all events of `robot`.
  std::vector<timestamp_ms> timestamps(const std::string& robot) {
    std::vector<timestamp_ms> out;
    const auto rows = events(robot);
    EXPECT_TRUE(rows);
    for (const auto& row : *rows)
      out.push_back(row.timestamp);
    return out;
  }
  [[nodiscard]] const shard_marker& marker() const { return database.tables->markers.front(); }

  void TearDown() override { EXPECT_FALSE(fatal) << fatal->text; }
};

/// A WebSocket that sends messages on command.
struct producer {
  explicit producer(engine_harness& to, std::size_t thread = 0)
      : upstream(to.connect(peer, thread)) {}

  /// Sends messages, as one read of the socket.
  template <class... Texts>
  void send(const Texts&... sent) {
    const std::vector<std::string_view> messages{sent...};
    upstream->on_messages(messages);
  }

  using texts = std::vector<std::string>;

  recording_peer peer;
  std::unique_ptr<net::upstream> upstream;
};

} // namespace telemetry::test
