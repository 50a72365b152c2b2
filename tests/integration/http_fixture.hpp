#pragma once

#include <utility> // Asio of Boost 1.74 in C++20 lacks it

#include "http_fake_api.hpp"
#include "net/http_session.hpp"
#include "tests/support/feed_stream.hpp"
#include "tests/support/loop_thread.hpp"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace telemetry::net {

/// A response as a client reads it.
struct http_response {
  int status = 0;
  std::string version;
  std::map<std::string, std::string> headers; ///< names in lower case
  std::string body;
  std::size_t chunks = 0; ///< of a chunked body
};

/// Takes a whole response off the front of `bytes`.
/// @param head_only it answers a HEAD request.
/// @param ended the connection is closed: a body without a length ends here.
/// @returns false if it is not whole yet.
bool take_response(std::string& bytes, http_response& response, bool head_only, bool ended);

/// An HTTP session and its client in memory, in the test's thread: nothing happens between two
/// steps of a test, and time passes only by tick().
class HttpTest : public testing::Test {
protected:
  explicit HttpTest(std::size_t memory_bytes_max = 512u << 20) : memory_(memory_bytes_max) {}
  void SetUp() override { connect(); }
  void TearDown() override;

  /// Opens a connection to a new session; the one before is left as it is.
  void connect();
  /// Goes on with the connection that was opened as number `index`, from 0 on.
  void switch_to(std::size_t index);

  /// Does all that can be done, then expects `done`.
  template <class Predicate>
  void wait_for(Predicate done) {
    settle();
    ASSERT_TRUE(done()) << "nothing happens; got: " << input_.substr(0, 1000);
  }
  /// Does all that can be done.
  void settle();
  /// Lets time pass: each tick is a second by default.
  void tick(int times);
  /// Lets the idle time-out pass.
  void pass_idle_timeout() { tick(static_cast<int>(options_.idle_timeout / tick_) + 1); }

  void send(std::string_view bytes);
  /// The client sends nothing more, but reads on.
  void end_sending();
  /// The client is gone: what is written to it fails.
  void leave();
  /// The client reads nothing more once `bytes` have come, until unblock().
  void block_after(std::size_t bytes);
  void unblock();

  /// The next response on the connection.
  http_response receive(bool head_only = false);
  /// Sends a request without a body and returns the response.
  http_response get(const std::string& target, const std::string& headers = "");
  http_response request(const std::string& method, const std::string& target,
                        const std::string& headers = "", const std::string& body = "");
  http_response post(const std::string& content_type, const std::string& body);
  /// The server ended the connection, with nothing sent before.
  void expect_end();
  /// The server has ended its side, in order or with a reset.
  [[nodiscard]] bool ended() const { return !peer().is_open || peer().has_its_end; }
  [[nodiscard]] test::feed& peer() { return clients_[current_].far_end; }
  [[nodiscard]] const test::feed& peer() const { return clients_[current_].far_end; }

  server_options options_ = [] {
    server_options options;
    options.version = "1.2.3";
    return options;
  }();
  const std::chrono::milliseconds tick_ = tick_interval(options_.idle_timeout);
  fake_api api_;
  boost::asio::io_context loop_;
  std::string input_; ///< received and not taken yet

  test::loop_thread io_{loop_};

  /// Refuses every WebSocket: these tests are about HTTP.
  struct no_upstreams final : upstream_factory {
    result<std::unique_ptr<upstream>> open(upstream_peer&, io_thread&, caller_ptr) override {
      ++asked;
      return failure{errc::unavailable, "refused by the test"};
    }
    int asked = 0;
  } upstreams_;

  memory_budget memory_; ///< of all sessions
  session_registry sessions_{&memory_};
  callers_ptr known_ = open_callers();
  session_context context_{options_, upstreams_, api_, io_, sessions_, known_};

private:
  struct client {
    test::feed far_end;
    std::string unread; ///< sent, and not read by the session
  };
  std::deque<client> clients_; ///< the sessions may outlive their connection
  std::size_t current_ = 0;
};

} // namespace telemetry::net
