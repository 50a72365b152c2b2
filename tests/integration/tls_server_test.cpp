#include "tests/integration/server_fixture.hpp"
#include "tests/support/no_api.hpp"
#include "tests/support/tls_pair.hpp"

#include <boost/asio/write.hpp>
#include <gmock/gmock.h>

#include <atomic>
#include <future>

namespace telemetry::test {
namespace {

using namespace std::chrono_literals;
using testing::StartsWith;

/// A client of TLS with a socket of its own. Everything blocks.
class blocking_tls_client {
public:
  explicit blocking_tls_client(std::uint16_t port) {
    socket_.connect({boost::asio::ip::address_v4::loopback(), port});
    while (!is_over_ && !client_.shake_hands() && !client_.has_failed())
      exchange();
    flush();
  }

  void send(std::string_view text) {
    client_.write(text);
    flush();
  }
  /// The next `size` bytes, fewer only at the end of the connection.
  std::string receive(std::size_t size) {
    while (input_.size() < size && !is_over_)
      input_ += exchange();
    return std::exchange(input_, {});
  }
  /// All that comes until the server ends the connection.
  std::string receive_all() { return receive(std::string::npos); }
  std::string get() {
    send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    std::string answer;
    while (answer.find("live\"}") == std::string::npos && !is_over_)
      answer += receive(1);
    return answer;
  }
  [[nodiscard]] bool has_end() const { return client_.has_end(); }
  void leave() { socket_.close(); }

private:
  using tcp = boost::asio::ip::tcp;

  void flush() {
    const auto out = client_.take_output();
    if (!out.empty())
      boost::asio::write(socket_, boost::asio::buffer(out));
  }
  /// Sends what there is, then waits for the server. @returns what can be read.
  std::string exchange() {
    flush();
    char buffer[4096];
    boost::system::error_code ec;
    const auto size = socket_.read_some(boost::asio::buffer(buffer), ec);
    client_.receive({buffer, size});
    is_over_ = bool(ec);
    return SSL_is_init_finished(client_.native()) == 1 ? client_.read() : "";
  }

  boost::asio::io_context context_;
  tcp::socket socket_{context_};
  tls_client client_;
  std::string input_;
  bool is_over_ = false;
};

/// A server with two I/O threads, and two for handshakes.
class TlsServerTest : public testing::Test {
protected:
  void SetUp() override {
    options_.port = 0;
    options_.tls_host = "127.0.0.1";
    options_.tls_port = 0;
    options_.io_threads = 2;
    options_.tls_threads = 2;
    options_.tls = tls_credentials_of_tests();
  }
  void listen() {
    server_ = net::make_server(options_);
    const auto listening = server_->listen(engine_, api_, net::open_callers());
    ASSERT_TRUE(listening) << listening.error().text;
    port_ = server_->port(net::entrance::tls);
  }

  net::server_options options_;
  std::uint16_t port_ = 0;
  no_api api_;
  echo_engine engine_;
  std::unique_ptr<net::server> server_; // first to go
};

TEST_F(TlsServerTest, TellsTheAddressesOfBothListeners) {
  listen();
  EXPECT_NE(port_, 0);
  EXPECT_NE(port_, server_->port());
  EXPECT_EQ(server_->address(net::entrance::tls), "127.0.0.1:" + std::to_string(port_));
}

TEST_F(TlsServerTest, HasNoTlsListenerWithoutACertificate) {
  options_.tls = nullptr;
  listen();
  EXPECT_EQ(port_, 0);
  EXPECT_EQ(server_->address(net::entrance::tls), "");
}

TEST_F(TlsServerTest, MovesManyConnectionsToTheirThreads) {
  listen();
  std::vector<std::thread> clients;
  std::atomic<int> served{0};
  for (int i = 0; i < 8; ++i)
    clients.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        blocking_tls_client one(port_);
        for (int request = 0; request < 3; ++request)
          served += one.get().starts_with("HTTP/1.1 200 OK") ? 1 : 0;
      }
    });
  for (auto& one : clients)
    one.join();
  EXPECT_EQ(served, 8 * 20 * 3);
}

TEST_F(TlsServerTest, ServesWebSockets) {
  listen();
  blocking_tls_client client(port_);
  client.send("GET /upstream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
              "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
              client_text("early"));
  std::string received = client.receive(100);
  const auto head_end = received.find("\r\n\r\n");
  ASSERT_NE(head_end, std::string::npos) << received;
  EXPECT_THAT(received, StartsWith("HTTP/1.1 101 "));
  std::string frames = received.substr(head_end + 4);
  while (frames.size() < 7)
    frames += client.receive(1);
  const auto answers = take_server_frames(frames);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0], (server_frame{opcode::text, "early"}));
}

TEST_F(TlsServerTest, DrainClosesOpeningsAndEndsIdleConnections) {
  listen();
  blocking_client silent(port_);
  silent.connect();
  blocking_tls_client idle(port_);
  ASSERT_THAT(idle.get(), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_EQ(server_->drain(20s), 0u);
  EXPECT_EQ(silent.receive_all(), "");
  EXPECT_EQ(idle.receive_all(), "");
  EXPECT_TRUE(idle.has_end()) << "with a close_notify";
}

TEST_F(TlsServerTest, StopsWhileConnectionsAreOpened) {
  for (int round = 0; round < 5; ++round) {
    listen();
    std::atomic<bool> is_over{false};
    std::atomic<int> opened{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i)
      clients.emplace_back([&] {
        while (!is_over) {
          try {
            blocking_tls_client one(port_);
            (void)one.get();
            ++opened;
          } catch (const std::exception&) { // the server has gone
          }
        }
      });
    while (opened < 10)
      std::this_thread::yield();
    server_.reset(); // with the sockets that were on their way
    is_over = true;
    for (auto& one : clients)
      one.join();
  }
}

TEST_F(TlsServerTest, TellsWhyAHandshakeHasFailed) {
  std::promise<std::string> told;
  options_.on_handshake_failure = [&told](std::string_view why) {
    told.set_value(std::string(why));
  };
  listen();
  blocking_client client(port_);
  client.connect();
  client.send("no hello");
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_EQ(told.get_future().get(), "no ClientHello of TLS");
}

TEST_F(TlsServerTest, WarnsOfAnExpiryThatIsNear) {
  std::promise<std::chrono::seconds> told;
  options_.idle_timeout = 200ms; // ticks come often
  options_.on_certificate_expiry = [&told](std::chrono::seconds left) { told.set_value(left); };
  listen();
  const auto left = told.get_future().get();
  EXPECT_GT(left, 23h);
  EXPECT_LT(left, 25h);
}

TEST_F(TlsServerTest, BeyondTheLimitOfConnectionsARequestIsAnswered503) {
  options_.connections_max = 1;
  listen();
  blocking_tls_client first(port_);
  ASSERT_THAT(first.get(), StartsWith("HTTP/1.1 200 OK"));
  blocking_tls_client second(port_);
  second.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(second.receive_all(), StartsWith("HTTP/1.1 503 "));
}

} // namespace
} // namespace telemetry::test
