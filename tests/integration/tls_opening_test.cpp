#include "net/tls_opening.hpp"
#include "net/tls_stream.hpp"
#include "tests/support/loop_thread.hpp"
#include "tests/support/tls_pair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

/// An opening and its client in memory.
class TlsOpeningTest : public testing::Test {
protected:
  TlsOpeningTest() { client_.shake_hands(); }
  ~TlsOpeningTest() override {
    openings_.cut_all();
    run();
    EXPECT_EQ(openings_.count(), 0u);
    EXPECT_EQ(memory_.bytes(), 0u);
  }

  void start(std::chrono::seconds time_left = 10s) {
    start_tls_opening(std::make_unique<test::feed_stream>(loop_, far_end_), openings_, io_,
                      {test::tls_credentials_of_tests(),
                       std::chrono::steady_clock::now() + time_left,
                       [this](std::unique_ptr<byte_stream> stream, std::string_view why) {
                         ++ends_;
                         if (stream)
                           stream->rebind(loop_.get_executor());
                         opened_ = std::move(stream);
                         why_ = why;
                       }});
    run();
  }
  void run() {
    loop_.restart();
    loop_.poll();
  }
  void give(std::string_view bytes) {
    unread_ = std::string(far_end_.input).append(bytes);
    far_end_.give(unread_);
    far_end_.pump();
    run();
  }
  /// Brings to each side what the other one has sent, until the opening has ended.
  void shake_hands() {
    for (int round = 0; round < 20 && ends_ == 0; ++round) {
      give(client_.take_output());
      client_.receive(far_end_.output);
      far_end_.output.clear();
      client_.shake_hands();
    }
  }
  void expect_closed(std::string_view why) {
    EXPECT_EQ(ends_, 1);
    EXPECT_EQ(opened_, nullptr);
    EXPECT_EQ(why_, why);
    EXPECT_FALSE(far_end_.is_open);
  }

  boost::asio::io_context loop_;
  test::loop_thread io_{loop_};
  test::feed far_end_;
  test::tls_client client_;
  memory_budget memory_{1u << 20};
  session_registry openings_{&memory_};
  std::unique_ptr<byte_stream> opened_;
  std::string why_;
  int ends_ = 0;

private:
  std::string unread_;
};

TEST_F(TlsOpeningTest, GivesAStreamAfterTheHandshake) {
  start();
  shake_hands();
  ASSERT_NE(opened_, nullptr) << why_;
  EXPECT_EQ(ends_, 1);
  EXPECT_EQ(openings_.count(), 0u);
  EXPECT_EQ(memory_.bytes(), 0u) << "the session charges it from now on";
  EXPECT_EQ(opened_->holdings().base, tls_open_bytes);
}

TEST_F(TlsOpeningTest, AConnectionWithoutBytesHoldsNothing) {
  start();
  EXPECT_EQ(memory_.bytes(), memory_charge::connection_grain);
}

TEST_F(TlsOpeningTest, OneByteHoldsNothingAndAWholeHelloAHandshake) {
  start();
  const auto hello = client_.take_output();
  give(hello.substr(0, 1));
  EXPECT_EQ(memory_.bytes(), memory_charge::connection_grain);
  std::string large{22, 3, 1, 0x3f, '\0', 1, 0, 0x3e, '\xfc'}; // of 16,128 bytes
  give(std::string(hello.substr(1)));                          // ends the small one
  EXPECT_GE(memory_.bytes(), tls_handshake_bytes);
  ASSERT_EQ(ends_, 0);
}

TEST_F(TlsOpeningTest, ALargeHalfHelloIsCharged) {
  start();
  std::string half{22, 3, 1, 0x3f, '\0', 1, 0, 0x3e, '\xfc'}; // announces 16,128 bytes
  half.resize(12'000, 'x');
  give(half);
  EXPECT_GE(memory_.bytes(), 12'000u + connection_bytes);
  EXPECT_LT(memory_.bytes(), 12'000u + connection_bytes + memory_charge::connection_grain);
  EXPECT_EQ(ends_, 0);
}

TEST_F(TlsOpeningTest, NineBytesThatAnnounce128KiBAreRefused) {
  start();
  give(std::string{22, 3, 1, 0x40, 0, 1, 2, 0});
  EXPECT_EQ(ends_, 0);
  EXPECT_EQ(memory_.bytes(), memory_charge::connection_grain);
  give(std::string(1, '\0'));
  expect_closed("no ClientHello of TLS");
  EXPECT_EQ(far_end_.output, "") << "no alert";
}

TEST_F(TlsOpeningTest, AHelloMayComeByteByByte) {
  start();
  const auto hello = client_.take_output();
  for (const char one : hello) {
    ASSERT_EQ(far_end_.output, "");
    give({&one, 1});
  }
  EXPECT_THAT(far_end_.output, StartsWith("\x16\x03\x03"));
  client_.receive(far_end_.output);
  far_end_.output.clear();
  client_.shake_hands();
  shake_hands();
  EXPECT_NE(opened_, nullptr) << why_;
}

TEST_F(TlsOpeningTest, TellsAClientOfHttpThatThePortSpeaksTls) {
  start();
  give("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(far_end_.output, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  const auto body = far_end_.output.substr(far_end_.output.find("\r\n\r\n") + 4);
  EXPECT_EQ(body, "This port speaks TLS: use https:// or wss://\n");
  EXPECT_THAT(far_end_.output, HasSubstr("Content-Length: " + std::to_string(body.size())));
  EXPECT_TRUE(far_end_.has_its_end);
  EXPECT_TRUE(far_end_.is_open) << "a close would destroy the answer on its way";
  far_end_.end();
  far_end_.pump();
  run();
  expect_closed("HTTP without TLS");
}

TEST_F(TlsOpeningTest, IsClosedIfTheClientGoes) {
  start();
  give(client_.take_output().substr(0, 10));
  far_end_.end();
  far_end_.pump();
  run();
  expect_closed("the client has gone");
}

TEST_F(TlsOpeningTest, IsClosedAfterItsTimeInEachPhase) {
  start(-1s); // waits for a hello
  openings_.tick_all();
  run();
  expect_closed("no handshake in time");
}

TEST_F(TlsOpeningTest, IsClosedAfterItsTimeBetweenFlights) {
  start(-1s);
  give(client_.take_output());
  EXPECT_NE(far_end_.output, "");
  openings_.tick_all();
  run();
  expect_closed("no handshake in time");
}

TEST_F(TlsOpeningTest, StaysOpenWithinItsTime) {
  start(10s);
  openings_.tick_all();
  run();
  EXPECT_EQ(ends_, 0);
}

TEST_F(TlsOpeningTest, IsClosedWhenTheServerStops) {
  start();
  openings_.drain_all();
  run();
  expect_closed("the server is shutting down");
}

TEST_F(TlsOpeningTest, BeginsNotAfterTheServerHasStopped) {
  openings_.drain_all();
  start();
  expect_closed("the server is shutting down");
}

TEST_F(TlsOpeningTest, IsCutIfTheConnectionsHoldTooMuchMemory) {
  memory_charge others(&memory_);
  start();
  others.hold((1u << 20) - 2 * memory_charge::connection_grain);
  give(client_.take_output());
  expect_closed("the connections hold too much memory");
}

TEST_F(TlsOpeningTest, RefusesHandshakesThatFail) {
  client_ = test::tls_client({.version_min = TLS1_1_VERSION, .version_max = TLS1_1_VERSION});
  client_.shake_hands();
  start();
  shake_hands();
  expect_closed("unsupported protocol");
  EXPECT_THAT(client_.fault(), HasSubstr("protocol version")) << "the alert was sent";
}

TEST_F(TlsOpeningTest, EveryReadAndWriteMayFail) {
  for (std::size_t operations = 0; operations < 6; ++operations) {
    client_ = test::tls_client();
    client_.shake_hands();
    far_end_ = {};
    far_end_.operations_left = operations;
    ends_ = 0;
    start();
    shake_hands();
    far_end_.end();
    far_end_.pump();
    run();
    EXPECT_EQ(ends_, 1) << operations;
    opened_.reset();
  }
}

} // namespace
} // namespace telemetry::net
