#include "net/descriptor_limit.hpp"
#include "tests/integration/server_fixture.hpp"
#include "tests/support/no_api.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fcntl.h>
#include <future>

namespace telemetry::test {
namespace {

using namespace std::chrono_literals;

class ServerTest : public testing::Test {
protected:
  /// Starts a server on a free port.
  void listen() {
    options_.port = 0;
    server_ = net::make_server(options_);
    const auto listening = server_->listen(engine_, api_);
    ASSERT_TRUE(listening) << listening.error().text;
  }
  using address = boost::asio::ip::address;
  inline static const address loopback_v4 = boost::asio::ip::address_v4::loopback();
  inline static const address loopback_v6 = boost::asio::ip::address_v6::loopback();

  std::unique_ptr<blocking_client> connect(const address& to = loopback_v4) {
    auto client = std::make_unique<blocking_client>(server_->port(), to);
    client->connect();
    return client;
  }
  std::unique_ptr<blocking_client> connect_upstream(const address& to = loopback_v4) {
    auto client = connect(to);
    const auto head = client->upgrade();
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
    return client;
  }

  net::server_options options_;
  no_api api_;
  echo_engine engine_;
  std::unique_ptr<net::server> server_; // first to go
};

/// Sends numbered messages, always some in flight, and checks that each comes back in its turn.
void produce(blocking_client& client, int rounds, int messages_per_round) {
  for (int round = 0; round < rounds; ++round) {
    std::string batch;
    std::vector<server_frame> expected;
    for (int i = 0; i < messages_per_round; ++i) {
      const auto text = std::to_string(round) + ',' + std::string(static_cast<std::size_t>(i), 'x');
      batch += client_text(text);
      expected.push_back({opcode::text, text});
    }
    client.send(batch);
    ASSERT_EQ(client.receive_frames(expected.size()), expected) << "round " << round;
  }
  client.send(client_close(1000));
  const auto frames = client.receive_frames(2); // the second is the end
  ASSERT_EQ(frames.size(), 1u);
  ASSERT_EQ(frames[0].close_code(), 1000);
}

TEST_F(ServerTest, ServesManyProducersOnSeveralThreads) {
  options_.io_threads = 2;
  listen();
  std::vector<std::unique_ptr<blocking_client>> clients;
  std::vector<std::thread> producers;
  for (int i = 0; i < 8; ++i)
    clients.push_back(connect_upstream());
  for (auto& client : clients)
    producers.emplace_back([&client] { produce(*client, 30, 100); });
  for (auto& producer : producers)
    producer.join();
}

TEST_F(ServerTest, DealsSocketsToAllThreads) {
  options_.io_threads = 3;
  listen();
  EXPECT_EQ(server_->io_threads().size(), 3u);
  std::vector<std::unique_ptr<blocking_client>> clients;
  for (int i = 0; i < 6; ++i)
    clients.push_back(connect_upstream());
  engine_.hold(true);
  for (auto& client : clients)
    client->send(client_text("which?"));
  engine_.wait_for_messages(6);
  EXPECT_EQ(engine_.waiting_by_thread(),
            (std::map<std::size_t, std::size_t>{{0, 2}, {1, 2}, {2, 2}}));
  engine_.hold(false);
  for (auto& client : clients) // the engine must be done with the threads before they end
    EXPECT_EQ(client->receive_frames(1).size(), 1u);
}

TEST_F(ServerTest, DrainAnswersWhatWasReadAndClosesWith1001) {
  listen();
  auto client = connect_upstream();
  auto idle = connect_upstream();
  engine_.hold(true);
  client->send(client_text("a") + client_text("b"));
  engine_.wait_for_messages(2);
  auto drained = std::async(std::launch::async, [&] { return server_->drain(30s); });
  const auto last_words = idle->receive_end(1);
  ASSERT_EQ(last_words.size(), 1u);
  EXPECT_EQ(last_words[0].close_code(), 1001);
  idle.reset();
  EXPECT_THROW(connect()->upgrade(), std::exception) << "a draining server accepts nobody";
  engine_.hold(false);
  const auto frames = client->receive_end(3);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].payload, "a");
  EXPECT_EQ(frames[1].payload, "b");
  EXPECT_EQ(frames[2].close_code(), 1001);
  client.reset();
  EXPECT_EQ(drained.get(), 0u);
}

TEST_F(ServerTest, DrainCutsWhatDoesNotEndInTime) {
  listen();
  auto client = connect_upstream();
  engine_.hold(true);
  client->send(client_text("never answered"));
  engine_.wait_for_messages(1);
  EXPECT_EQ(server_->drain(10ms), 1u);
  EXPECT_TRUE(client->receive_frames(1).empty());
}

TEST_F(ServerTest, StopEndsEverything) {
  listen();
  auto client = connect_upstream();
  server_->stop();
  server_->stop();
  EXPECT_TRUE(client->receive_frames(1).empty());
}

TEST_F(ServerTest, TellsThoseBeyondTheLimitToComeBack) {
  options_.connections_max = 2;
  listen();
  auto first = connect_upstream();
  auto second = connect_upstream();
  auto third = connect();
  EXPECT_TRUE(third->upgrade().starts_with("HTTP/1.1 101 "));
  const auto frames = third->receive_end(1);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].close_code(), 1013);
  EXPECT_EQ(frames[0].payload.substr(2), "too many connections");
  auto fourth = connect();
  fourth->send("GET /api/robots HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(fourth->receive_all().starts_with("HTTP/1.1 503 "));
  first->send(client_text("still served"));
  EXPECT_EQ(first->receive_frames(1).at(0).payload, "still served");
}

/// A masked text frame of `size` bytes, without its last one.
std::string begun_message(std::size_t size) {
  auto whole = client_text(std::string(size, 'x'));
  whole.pop_back();
  return whole;
}

TEST_F(ServerTest, TheLargestBegunMessageIsCutWhenMemoryIsUsedUp) {
  options_.memory_bytes_max = 1u << 20;
  options_.message_bytes_max = 1u << 20;
  options_.idle_timeout = 10s;
  std::promise<std::size_t> told;
  options_.on_memory_full = [&](std::size_t cut, std::size_t) {
    told.set_value(cut); // once a minute at most: a second time would throw
  };
  listen();
  auto normal = connect_upstream();
  auto small = connect_upstream();
  small->send(begun_message(10'000));
  auto large = connect_upstream();
  large->send(begun_message(200'000));
  std::vector<std::unique_ptr<blocking_client>> hostile;
  for (int i = 0; i < 20; ++i) {
    hostile.push_back(connect_upstream());
    hostile.back()->send(begun_message(60'000));
    normal->send(client_text("still served"));
    EXPECT_EQ(normal->receive_frames(1).at(0).payload, "still served");
  }
  EXPECT_TRUE(large->receive_frames(1).empty());
  auto cut = told.get_future();
  ASSERT_EQ(cut.wait_for(60s), std::future_status::ready) << "it was too silent, not too large";
  EXPECT_GE(cut.get(), 1u);
  small->send("x");
  EXPECT_EQ(small->receive_frames(1).size(), 1u);
}

TEST_F(ServerTest, NewConnectionsAreRefusedWhileMemoryIsUsedUp) {
  options_.memory_bytes_max = 256u << 10; // 64 idle connections
  listen();
  std::vector<std::unique_ptr<blocking_client>> idle;
  for (int i = 0; i < 65; ++i) {
    idle.push_back(connect_upstream());
    idle.back()->send(client_text("a")); // the answer tells that the handshake is over
    ASSERT_EQ(idle.back()->receive_frames(1).size(), 1u);
  }
  auto socket = connect();
  EXPECT_TRUE(socket->upgrade().starts_with("HTTP/1.1 101 "));
  const auto frames = socket->receive_end(1);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].close_code(), 1013);
  EXPECT_EQ(frames[0].payload.substr(2), "the connections hold too much memory");
  auto http = connect();
  http->send("GET /api/robots HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(http->receive_all().starts_with("HTTP/1.1 503 "));
  idle.front()->send(client_text("still served"));
  EXPECT_EQ(idle.front()->receive_frames(1).at(0).payload, "still served");
}

TEST_F(ServerTest, SaysWhyItCannotListen) {
  listen();
  auto options = options_;
  options.port = server_->port();
  const auto taken = net::make_server(options)->listen(engine_, api_);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, errc::unavailable);
  EXPECT_EQ(taken.error().text, "cannot listen on 127.0.0.1:" + std::to_string(options.port) +
                                    ": Address already in use");
  options.host = "192.0.2.1"; // TEST-NET-1: nobody's
  EXPECT_FALSE(net::make_server(options)->listen(engine_, api_));
}

TEST_F(ServerTest, ListensOnBothFamiliesOfLocalhostAtOnePort) {
  options_.host = "localhost";
  options_.io_threads = 3;
  listen();
  EXPECT_EQ(server_->address(), "localhost:" + std::to_string(server_->port()));
  engine_.hold(true);
  std::vector<std::unique_ptr<blocking_client>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(i % 2 == 0 ? connect_upstream() : connect_upstream(loopback_v6));
    clients.back()->send(client_text("which?"));
  }
  engine_.wait_for_messages(6);
  EXPECT_EQ(engine_.waiting_by_thread(),
            (std::map<std::size_t, std::size_t>{{0, 2}, {1, 2}, {2, 2}}));
  engine_.hold(false);
  for (const auto& client : clients)
    EXPECT_EQ(client->receive_frames(1).at(0).payload, "which?");
  server_->drain(1s);
  EXPECT_THROW(connect(), std::exception);
  EXPECT_THROW(connect(loopback_v6), std::exception);
}

TEST_F(ServerTest, RefusesAPortThatIsTakenInOneFamilyOfLocalhost) {
  boost::asio::io_context context;
  using tcp = boost::asio::ip::tcp;
  options_.host = "localhost";
  listen();
  const auto taken = server_->port();
  server_.reset();
  const tcp::acceptor other(context, {loopback_v6, taken}, false);
  options_.port = taken;
  const auto refused = net::make_server(options_)->listen(engine_, api_);
  ASSERT_FALSE(refused) << "half of the clients would reach another server";
  EXPECT_EQ(refused.error().text,
            "cannot listen on localhost:" + std::to_string(taken) + ": Address already in use");
}

TEST_F(ServerTest, TakesAnIpv6AddressWithAndWithoutBrackets) {
  for (const char* host : {"::1", "[::1]"}) {
    options_.host = host;
    listen();
    EXPECT_EQ(server_->address(), "[::1]:" + std::to_string(server_->port()));
    auto client = connect_upstream(loopback_v6);
    client->send(client_text("here"));
    EXPECT_EQ(client->receive_frames(1).at(0).payload, "here");
    client.reset();
    server_.reset();
  }
}

TEST_F(ServerTest, NamesAnIpv6AddressThatItCannotListenOn) {
  options_.host = "2001:db8::1"; // documentation: nobody's
  const auto refused = net::make_server(options_)->listen(engine_, api_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, testing::StartsWith("cannot listen on [2001:db8::1]:"));
}

TEST_F(ServerTest, PingsAndThenClosesASilentPeer) {
  options_.idle_timeout = 80ms; // ticks of 10 ms
  listen();
  auto client = connect_upstream();
  const auto frames = client->receive_frames(2);
  EXPECT_EQ(frames, (std::vector<server_frame>{{opcode::ping, ""}}));
}

/// Leaves the process `spare` file descriptors, as long as it lives.
class descriptor_limit {
public:
  explicit descriptor_limit(int spare) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int next = open("/dev/null", O_RDONLY);
    close(next);
    auto tight = before_;
    tight.rlim_cur = static_cast<rlim_t>(next + spare);
    setrlimit(RLIMIT_NOFILE, &tight);
  }
  ~descriptor_limit() { setrlimit(RLIMIT_NOFILE, &before_); }
  descriptor_limit(const descriptor_limit&) = delete;
  descriptor_limit& operator=(const descriptor_limit&) = delete;

private:
  rlimit before_{};
};

TEST_F(ServerTest, AcceptsAgainAfterDescriptorsRanOut) {
  std::promise<std::string> failed;
  options_.on_accept_failure = [&](std::string_view reason) {
    failed.set_value(std::string(reason)); // once a second at most: a second time would throw
  };
  listen();
  blocking_client client(server_->port());
  {
    const descriptor_limit tight(0);
    client.connect();
    EXPECT_EQ(failed.get_future().get(), "Too many open files");
  }
  EXPECT_TRUE(client.upgrade().starts_with("HTTP/1.1 101 "));
  client.send(client_text("at last"));
  EXPECT_EQ(client.receive_frames(1).at(0).payload, "at last");
}

TEST(DescriptorLimitTest, LeavesFilesForJournalStoreAndRefusals) {
  EXPECT_EQ(net::connections_within(50'576), 50'000u);
  EXPECT_EQ(net::connections_within(1000), 424u);
  EXPECT_EQ(net::connections_within(600), 150u);
  EXPECT_EQ(net::connections_within(0), UINT64_MAX);
}

TEST_F(ServerTest, KeepsFewSocketsBeyondTheLimit) {
  options_.connections_max = 1;
  listen();
  auto first = connect_upstream();
  std::vector<std::unique_ptr<blocking_client>> silent;
  for (std::uint64_t i = 0; i < net::refusals_max; ++i)
    silent.push_back(connect());
  EXPECT_EQ(connect()->receive_all(), "") << "closed without a word";
  first->send(client_text("still served"));
  EXPECT_EQ(first->receive_frames(1).at(0).payload, "still served");
}

TEST(DescriptorLimitTest, IsRaisedToTheHardLimit) {
  const descriptor_limit tight(8);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  ASSERT_LT(limit.rlim_cur, limit.rlim_max);
  EXPECT_EQ(net::raise_descriptor_limit(), limit.rlim_max);
  getrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_EQ(limit.rlim_cur, limit.rlim_max);
}

} // namespace
} // namespace telemetry::test
