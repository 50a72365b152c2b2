#include "tests/integration/server_fixture.hpp"
#include "tests/support/no_api.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace telemetry::test {
namespace {

using namespace std::chrono_literals;
using net::entrance;

class UnixSocketServerTest : public testing::Test {
protected:
  UnixSocketServerTest() { std::filesystem::create_directory(directory_); }
  ~UnixSocketServerTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  /// Starts a server with a free port and the socket.
  void listen() {
    const auto listening = server_->listen(engine_, api_);
    ASSERT_TRUE(listening) << listening.error().text;
  }
  std::unique_ptr<blocking_client> connect() {
    auto client = std::make_unique<blocking_client>(path_);
    client->connect();
    return client;
  }
  [[nodiscard]] bool is_there() const {
    return std::filesystem::exists(std::filesystem::symlink_status(path_));
  }

  const std::string directory_ =
      testing::TempDir() + "telemetryd-server-" + std::to_string(::getpid());
  const std::string path_ = directory_ + "/socket";
  net::server_options options_ = [this] {
    net::server_options made;
    made.port = 0;
    made.unix_socket.path = path_;
    return made;
  }();
  no_api api_;
  echo_engine engine_;
  std::unique_ptr<net::server> server_ = net::make_server(options_);
};

void expect_echo(blocking_client& client) {
  const auto head = client.upgrade();
  ASSERT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
  client.send(client_text("hello"));
  EXPECT_EQ(client.receive_frames(1).at(0).payload, "hello");
}

TEST_F(UnixSocketServerTest, ServesProducersBesideTcp) {
  listen();
  EXPECT_EQ(server_->address(entrance::door), path_);
  EXPECT_EQ(server_->port(entrance::door), 0);
  EXPECT_EQ(server_->address(), "127.0.0.1:" + std::to_string(server_->port()));
  expect_echo(*connect());
  blocking_client over_tcp(server_->port());
  over_tcp.connect();
  expect_echo(over_tcp);
}

TEST_F(UnixSocketServerTest, WithoutAHostItIsTheOnlyWayIn) {
  options_.host = "";
  server_ = net::make_server(options_);
  listen();
  EXPECT_EQ(server_->port(), 0);
  EXPECT_EQ(server_->address(), "");
  expect_echo(*connect());
}

TEST_F(UnixSocketServerTest, ADrainRemovesTheFile) {
  listen();
  EXPECT_TRUE(is_there());
  EXPECT_EQ(server_->drain(1s), 0u);
  EXPECT_FALSE(is_there());
}

TEST_F(UnixSocketServerTest, AStopRemovesTheFileUnlessItIsAnother) {
  listen();
  server_->stop();
  EXPECT_FALSE(is_there());
  server_ = net::make_server(options_);
  listen();
  std::filesystem::remove(path_);
  std::ofstream(path_) << "of another program";
  server_->stop();
  EXPECT_TRUE(is_there());
}

TEST_F(UnixSocketServerTest, RefusesThePathOfARunningServerWhichGoesOn) {
  listen();
  const auto client = connect();
  const auto second = net::make_server(options_)->listen(engine_, api_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().text, "net.unix_socket " + path_ +
                                     " is a socket that another process listens on; stop it, or "
                                     "set another path");
  expect_echo(*client);
  expect_echo(*connect());
}

TEST_F(UnixSocketServerTest, APortThatIsTakenLeavesNoFile) {
  options_.unix_socket.path = "";
  const auto other = net::make_server(options_);
  ASSERT_TRUE(other->listen(engine_, api_));
  options_.unix_socket.path = path_;
  options_.port = other->port();
  EXPECT_FALSE(net::make_server(options_)->listen(engine_, api_));
  EXPECT_FALSE(is_there());
}

} // namespace
} // namespace telemetry::test
