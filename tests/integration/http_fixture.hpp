#pragma once

#include <utility> // Asio of Boost 1.74 in C++20 lacks it

#include "http_fake_api.hpp"
#include "net/http_session.hpp"
#include "tests/support/loop_thread.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

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

/// An HTTP session and its client in one io_context, which only wait_for() runs: nothing happens
/// between two steps of a test.
class HttpTest : public testing::Test {
protected:
  void SetUp() override { connect(); }
  void TearDown() override;

  /// Opens a connection to a new session; the one before is forgotten.
  void connect();

  /// Runs the loop until `done`; a test that waits for 10 s has failed.
  template <class Predicate>
  void wait_for(Predicate done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline)
          << "nothing happened; got: " << input_.substr(0, 1000);
      loop_.restart();
      loop_.run_one_for(std::chrono::milliseconds(100));
    }
  }
  /// Runs what is ready.
  void settle() {
    loop_.restart();
    while (loop_.poll() != 0)
      loop_.restart();
  }

  void send(std::string_view bytes);
  /// The next response on the connection.
  http_response receive(bool head_only = false);
  /// Sends a request without a body and returns the response.
  http_response get(const std::string& target, const std::string& headers = "");
  http_response request(const std::string& method, const std::string& target,
                        const std::string& headers = "", const std::string& body = "");
  http_response post(const std::string& content_type, const std::string& body);
  /// The server ended the connection, with nothing sent before.
  void expect_end();
  /// Reads what comes into input_, from now on.
  void read();

  server_options options_ = [] {
    server_options options;
    options.version = "1.2.3";
    return options;
  }();
  fake_api api_;
  boost::asio::io_context loop_;
  boost::asio::ip::tcp::socket client_{loop_};
  std::string input_; ///< received and not taken yet
  bool ended_ = false;
  boost::system::error_code end_; ///< how it ended: eof, or a reset

  test::loop_thread io_{loop_};

  /// Refuses every WebSocket: these tests are about HTTP.
  struct no_upstreams final : upstream_factory {
    result<std::unique_ptr<upstream>> open(upstream_peer&, io_thread&, const caller&) override {
      ++asked;
      return failure{errc::unavailable, "refused by the test"};
    }
    int asked = 0;
  } upstreams_;

  session_registry sessions_;
  session_context context_{options_, upstreams_, api_, io_, sessions_};

private:
  std::vector<char> buffer_ = std::vector<char>(64u << 10);
};

} // namespace telemetry::net
