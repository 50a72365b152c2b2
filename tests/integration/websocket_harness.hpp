#pragma once

#include "tests/support/feed_stream.hpp"
#include "tests/support/loop_thread.hpp"
#include "tests/support/no_api.hpp"
#include "tests/support/websocket_frames.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace telemetry::test {

/// Answers like the engine, when the test says so.
struct fake_engine final : net::upstream_factory {
  struct connection final : net::upstream {
    connection(fake_engine& e, net::upstream_peer& p) : engine(e), peer(p) {
      engine.current = this;
    }
    ~connection() override {
      EXPECT_FALSE(engine.is_calling) << "destroyed within its own call";
      engine.current = nullptr;
      ++engine.closed;
    }
    std::size_t on_messages(std::span<const std::string_view> messages) override {
      engine.reads += 1;
      engine.received.insert(engine.received.end(), messages.begin(), messages.end());
      open += messages.size();
      if (engine.answers_at_once)
        engine.answer(messages.size());
      if (engine.on_read)
        engine.on_read();
      std::size_t lines = 0;
      for (const auto text : messages)
        lines += 1 + static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
      return lines;
    }
    [[nodiscard]] bool may_read() const override { return engine.has_credit; }
    [[nodiscard]] std::size_t unanswered() const override { return open; }
    void change_caller(net::caller_ptr who) override { engine.changed_to = std::move(who); }

    fake_engine& engine;
    net::upstream_peer& peer;
    std::size_t open = 0;
  };

  result<std::unique_ptr<net::upstream>> open(net::upstream_peer& peer, net::io_thread&,
                                              net::caller_ptr who) override {
    ++opened;
    opened_by = who->name;
    if (!refusal.empty())
      return failure{errc::unavailable, refusal};
    return std::unique_ptr<net::upstream>{std::make_unique<connection>(*this, peer)};
  }

  /// Answers the oldest `count` messages.
  void answer(std::size_t count) {
    is_calling = true;
    current->open -= count;
    current->peer.answer_ok(count);
    current->peer.flush();
    is_calling = false;
  }

  bool answers_at_once = true;
  bool has_credit = true;
  std::string opened_by;      ///< name of the latest caller
  net::caller_ptr changed_to; ///< the caller that replaced it
  std::string refusal;        ///< why it takes nobody; "": it does
  bool is_calling = false;    ///< it is in a call to the session
  std::function<void()> on_read;
  connection* current = nullptr;
  int opened = 0;
  int closed = 0;
  int reads = 0; ///< calls of on_messages()
  std::vector<std::string> received;
};

/// A header field of the handshake to set, or to leave out if `value` is empty.
struct header_change {
  std::string name;
  std::string value;
};

/// One client and the session that serves it, in memory, in the test's thread.
class websocket_pair {
public:
  websocket_pair() { options.version = "test"; }
  /// Cuts the session and checks that nothing is left of it.
  ~websocket_pair();
  websocket_pair(const websocket_pair&) = delete;
  websocket_pair& operator=(const websocket_pair&) = delete;

  /// Starts the session; `early` came behind the request. @returns the response's head.
  std::string start(std::string_view early = "", const header_change& change = {});
  /// The client sends; the session does all it can.
  void send(std::string_view bytes);
  /// The client reads nothing any more, until unblock().
  void block();
  void unblock();
  void run();
  /// Calls `what` in the next pass of the session's event loop.
  void post(std::function<void()> what);
  /// Replaces the callers that the server knows, as it does when the keys file changes.
  void know(net::callers_ptr callers) {
    known = std::move(callers);
    for (bool goes_on = registry.start_review(); goes_on;)
      goes_on = registry.review_some();
    run();
  }
  /// Lets time pass: each tick is a second by default.
  void tick(int times);
  void close_client();

  /// The frames that came since the last call.
  std::vector<server_frame> frames();
  /// Bytes that came and are no frames.
  [[nodiscard]] const std::string& rest();

private:
  boost::asio::io_context context_; // first in, last out
  loop_thread thread_{context_};
  std::string unread_; ///< what the client sent and the session did not read
  std::string output_; ///< what the session sent and the test did not take

public:
  net::server_options options;
  fake_engine engine;
  no_api rest_api;
  net::session_registry registry;
  net::callers_ptr known = net::open_callers();
  net::caller_ptr who = std::make_shared<const net::caller>(net::caller{"a test", {}});
  feed peer; ///< what the client sees of the session's stream

private:
  net::session_context surroundings_{options, engine, rest_api, thread_, registry, known};
};

} // namespace telemetry::test
