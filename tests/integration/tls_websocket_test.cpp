#include "tests/support/tls_pair.hpp"
#include "tests/support/upgrade_request.hpp"
#include "websocket_harness.hpp"

#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

/// A WebSocket over TLS and its client in memory.
class TlsWebsocketTest : public testing::Test {
protected:
  TlsWebsocketTest() {
    options_.version = "test";
    EXPECT_TRUE(pair_.open());
    pair_.server->rebind(loop_.get_executor());
    start_websocket_session(std::move(pair_.server), test::upgrade_request(), "", context_,
                            anonymous());
    run();
    pair_.take();
    pair_.answered.clear(); // the head
  }
  ~TlsWebsocketTest() override {
    sessions_.cut_all();
    run();
    EXPECT_EQ(sessions_.count(), 0u);
    EXPECT_EQ(memory_.bytes(), 0u);
  }

  void run() {
    do {
      loop_.restart();
      loop_.poll();
    } while (pair_.far_end.pump());
  }
  void send(std::string_view bytes) {
    pair_.client.write(bytes);
    pair_.give(pair_.client.take_output());
    run();
  }
  /// The client does not read, and its window has room for so many bytes.
  void block_after(std::size_t bytes) { pair_.far_end.write_bytes_left = bytes; }
  void unblock() {
    pair_.far_end.write_bytes_left = std::string::npos;
    pair_.far_end.is_blocked = false;
    pair_.far_end.listener->on_ready();
    run();
  }
  void tick(int times) {
    for (int i = 0; i < times; ++i) {
      sessions_.tick_all();
      run();
    }
  }
  std::string messages(int count) {
    std::string all;
    for (int i = 0; i < count; ++i)
      all += test::client_text("1,2,3,r");
    return all;
  }

  boost::asio::io_context loop_;
  test::loop_thread io_{loop_};
  test::tls_pair pair_;
  server_options options_;
  test::fake_engine engine_;
  test::no_api api_;
  memory_budget memory_{64u << 20};
  session_registry sessions_{&memory_};
  callers_ptr known_ = open_callers();
  session_context context_{options_, engine_, api_, io_, sessions_, known_};
};

TEST_F(TlsWebsocketTest, AnswersOverTls) {
  send(messages(3));
  pair_.take();
  EXPECT_EQ(test::take_server_frames(pair_.answered).size(), 3u);
}

TEST_F(TlsWebsocketTest, ChargesAnswersThatTheSocketDidNotTake) {
  const auto before = memory_.bytes();
  block_after(100);
  send(messages(3'000));
  EXPECT_GT(memory_.bytes(), before + 8'000);
  unblock();
  tick(1);
  EXPECT_LE(memory_.bytes(), before + memory_charge::connection_grain);
  pair_.take();
  EXPECT_EQ(test::take_server_frames(pair_.answered).size(), 3'000u);
}

TEST_F(TlsWebsocketTest, AnswersOnTheirWayOutliveTheEndOfThePeersSide) {
  block_after(100);
  send(messages(1'000));
  pair_.client.end();
  pair_.give(pair_.client.take_output());
  run();
  ASSERT_TRUE(pair_.far_end.is_open) << "a close would drop what is not sent";
  unblock();
  EXPECT_FALSE(pair_.far_end.is_open);
  pair_.take();
  EXPECT_EQ(test::take_server_frames(pair_.answered).size(), 1'000u);
}

TEST_F(TlsWebsocketTest, APeerThatDoesNotReadIsCut) {
  using namespace std::string_view_literals;
  block_after(100);
  send(messages(1'000));
  send("\x01\x80\0\0\0\0"sv); // begins a message
  const auto ticks = static_cast<int>(options_.idle_timeout / tick_interval(options_.idle_timeout));
  for (int i = 0; i < ticks + 2 && pair_.far_end.is_open; ++i) {
    send("\x00\x80\0\0\0\0"sv); // it is not silent, and these get no answer
    tick(1);
  }
  EXPECT_FALSE(pair_.far_end.is_open);
}

} // namespace
} // namespace telemetry::net
