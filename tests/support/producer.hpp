#pragma once

#include "tests/support/engine_harness.hpp"

namespace telemetry::test {

/// The fixture of focused tests: an engine over a database in memory.
class engine_test : public testing::Test, public engine_harness {
protected:
  using engine_harness::engine_harness;
  void TearDown() override { EXPECT_FALSE(fatal) << fatal->text; }
};

/// A WebSocket whose messages come as told.
struct producer {
  explicit producer(engine_harness& to, std::size_t thread = 0)
      : upstream(to.connect(peer, thread)) {}

  /// Sends messages, as one read of the socket.
  template <class... Texts>
  void send(const Texts&... texts) {
    const std::vector<std::string_view> messages{texts...};
    upstream->on_messages(messages);
  }

  recording_peer peer;
  std::unique_ptr<net::upstream> upstream;
};

} // namespace telemetry::test
