#include "net/paced_watch.hpp"
#include "net/socket_stream.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace telemetry::net {
namespace {

using boost::asio::ip::tcp;
using namespace std::chrono_literals;
using error_code = byte_stream::error_code;

/// A connection over loopback: the client's end a plain socket, ours a socket_stream.
struct connection final : stream_listener {
  explicit connection(boost::asio::io_context& loop) : client(loop) {
    tcp::acceptor acceptor(loop, {boost::asio::ip::address_v4::loopback(), 0});
    client.connect(acceptor.local_endpoint());
    ours = std::make_unique<socket_stream>(loop.get_executor(),
                                           descriptor(acceptor.accept().release()));
    error_code ec;
    ours->watch(*this, ec);
    EXPECT_FALSE(ec);
  }
  void on_ready() override {
    ++told;
    if (reads && ours->is_readable())
      (void)read(1024);
  }
  std::string read(std::size_t most) {
    std::string text(most, '\0');
    text.resize(ours->try_read(text, outcome));
    received += text;
    return text;
  }
  void send(const std::string& text) { boost::asio::write(client, boost::asio::buffer(text)); }

  tcp::socket client;
  std::unique_ptr<socket_stream> ours;
  int told = 0;
  bool reads = false; ///< when it is told, once
  std::string received;
  error_code outcome;
};

/// Runs what is ready, once it is: loopback delivers before send() returns.
void turn(boost::asio::io_context& loop) {
  loop.restart();
  const auto work = boost::asio::make_work_guard(loop); // a watch alone keeps no loop going
  loop.poll();
}

TEST(SocketStreamTest, TellsOfBytesOnceAndReadsThemWithOneCall) {
  boost::asio::io_context loop;
  connection one(loop);
  turn(loop);
  const auto before = one.told;
  EXPECT_FALSE(one.ours->is_readable());
  one.send("abc");
  turn(loop);
  turn(loop);
  EXPECT_EQ(one.told, before + 1);
  ASSERT_TRUE(one.ours->is_readable());
  EXPECT_EQ(one.read(10), "abc");
  EXPECT_FALSE(one.ours->is_readable()) << "there was room for more";
  EXPECT_FALSE(one.outcome);
  one.send("d");
  turn(loop);
  EXPECT_EQ(one.told, before + 2);
  EXPECT_EQ(one.read(10), "d");
}

TEST(SocketStreamTest, StaysReadableWhileAReadIsFilled) {
  boost::asio::io_context loop;
  connection one(loop);
  one.send("abcdef");
  turn(loop);
  EXPECT_EQ(one.read(3), "abc");
  ASSERT_TRUE(one.ours->is_readable());
  EXPECT_EQ(one.read(3), "def");
  ASSERT_TRUE(one.ours->is_readable()) << "nobody knows that this was all";
  EXPECT_EQ(one.read(3), "");
  EXPECT_FALSE(one.ours->is_readable());
  EXPECT_FALSE(one.outcome);
}

TEST(SocketStreamTest, TheEndComesBehindTheBytes) {
  boost::asio::io_context loop;
  connection one(loop);
  one.send("last words");
  one.client.shutdown(tcp::socket::shutdown_send);
  turn(loop);
  EXPECT_EQ(one.read(100), "last words");
  EXPECT_FALSE(one.outcome);
  ASSERT_TRUE(one.ours->is_readable()) << "no other edge will tell of the end";
  EXPECT_EQ(one.read(100), "");
  EXPECT_EQ(one.outcome, boost::asio::error::eof);
}

TEST(SocketStreamTest, AnEndThatComesLaterIsToldOf) {
  boost::asio::io_context loop;
  connection one(loop);
  one.send("abc");
  turn(loop);
  EXPECT_EQ(one.read(100), "abc");
  one.client.set_option(tcp::socket::linger(true, 0)); // a reset
  one.client.close();
  turn(loop);
  ASSERT_TRUE(one.ours->is_readable());
  (void)one.read(100);
  EXPECT_EQ(one.outcome, boost::asio::error::connection_reset);
}

TEST(SocketStreamTest, TellsWhenThereIsRoomAgain) {
  boost::asio::io_context loop;
  connection one(loop);
  turn(loop);
  const std::string much(1u << 20, 'm');
  std::size_t sent = 0;
  while (one.ours->is_writable())
    sent += one.ours->try_write(much, one.outcome);
  EXPECT_FALSE(one.outcome);
  turn(loop);
  const auto before = one.told;
  EXPECT_FALSE(one.ours->is_writable());
  std::string got(sent, '\0');
  boost::asio::read(one.client, boost::asio::buffer(got));
  turn(loop);
  EXPECT_GT(one.told, before);
  EXPECT_TRUE(one.ours->is_writable());
}

constexpr int client_bytes = 64 << 10;        // of the client's own buffers; the kernel doubles it
constexpr std::size_t fast_bytes = 64u << 20; // the kernel's buffers grow with a fast peer

TEST(SocketStreamTest, BoundsWhatTheKernelKeepsForAPeerThatStopsReading) {
  boost::asio::io_context loop;
  connection one(loop);
  one.client.set_option(tcp::socket::receive_buffer_size(client_bytes));
  const std::string much(1u << 20, 'm');
  std::string got(much.size(), '\0');
  for (std::size_t read = 0; read < fast_bytes;) {
    const auto size = one.ours->try_write(much, one.outcome);
    ASSERT_FALSE(one.outcome);
    read += boost::asio::read(one.client, boost::asio::buffer(got.data(), size));
  }
  std::size_t kept = 0;
  for (std::size_t size = 1; size > 0; kept += size)
    size = one.ours->try_write(much, one.outcome);
  EXPECT_LE(kept, std::size_t{2} * (kernel_send_bytes + client_bytes));
}

TEST(SocketStreamTest, BoundsWhatTheKernelKeepsOfAPeerThatIsNotRead) {
  boost::asio::io_context loop;
  connection one(loop);
  one.client.non_blocking(true);
  const std::string much(1u << 20, 'm');
  std::string space(much.size(), '\0');
  const auto send = [&] {
    error_code would_block;
    return one.client.write_some(boost::asio::buffer(much), would_block);
  };
  for (std::size_t sent = 0; sent < fast_bytes; sent += send()) {
    (void)one.ours->try_read(space, one.outcome);
    ASSERT_FALSE(one.outcome);
  }
  one.client.set_option(tcp::socket::send_buffer_size(client_bytes));
  while (one.ours->try_read(space, one.outcome) > 0) {
  }
  std::size_t kept = 0;
  for (std::size_t size = 1; size > 0; kept += size)
    size = send();
  EXPECT_LE(kept, std::size_t{2} * (kernel_receive_bytes + client_bytes));
}

TEST(SocketStreamTest, TellsEveryOneOfMany) {
  boost::asio::io_context loop;
  std::vector<std::unique_ptr<connection>> many;
  for (int i = 0; i < 300; ++i) { // more than one call to epoll_wait returns
    many.push_back(std::make_unique<connection>(loop));
    many.back()->reads = true;
  }
  turn(loop);
  for (auto& one : many)
    one->send("x");
  turn(loop);
  for (auto& one : many)
    EXPECT_EQ(one->received, "x");
}

TEST(SocketStreamTest, TellsANewListenerInsteadOfTheOldOne) {
  boost::asio::io_context loop;
  connection one(loop);
  connection other(loop);
  turn(loop);
  const auto before = one.told;
  const auto before_other = other.told;
  one.ours->watch(other, one.outcome);
  EXPECT_FALSE(one.outcome);
  one.send("x");
  turn(loop);
  EXPECT_EQ(one.told, before);
  EXPECT_EQ(other.told, before_other + 1);
}

TEST(SocketStreamTest, MovesToAnotherEventLoop) {
  for (const bool is_gathered : {false, true}) {
    boost::asio::io_context loop;
    boost::asio::io_context other_loop;
    connection one(loop);
    turn(loop);
    one.ours->gather_reads(is_gathered, one.outcome);
    turn(loop);
    const auto before = one.told;
    one.ours->rebind(other_loop.get_executor());
    one.send("x");
    turn(loop);
    turn(other_loop);
    EXPECT_EQ(one.told, before) << "nobody watches it";
    one.reads = true;
    one.ours->watch(one, one.outcome);
    EXPECT_FALSE(one.outcome);
    turn(loop);
    EXPECT_EQ(one.told, before);
    turn(other_loop);
    EXPECT_EQ(one.received, "x");
  }
}

constexpr auto interval = 300ms;

/// The loop looks at gathered streams every `interval`, and the latest one has just ended.
void begin_interval(boost::asio::io_context& loop, connection& one) {
  boost::asio::use_service<paced_watch>(loop).set_interval(interval);
  one.ours->gather_reads(true, one.outcome);
  ASSERT_FALSE(one.outcome);
  turn(loop); // it may have been writable all the time, so this is an arrival
  one.reads = true;
  one.send("1");
  while (one.received.empty())
    turn(loop);
}

TEST(SocketStreamTest, GatheredBytesWaitForTheEndOfTheInterval) {
  boost::asio::io_context loop;
  connection one(loop);
  connection other(loop);
  begin_interval(loop, one);
  other.reads = true;
  other.ours->gather_reads(true, other.outcome);
  turn(loop);
  one.send("2");
  other.send("3");
  turn(loop);
  EXPECT_EQ(one.received, "1");
  EXPECT_EQ(other.received, "");
  std::this_thread::sleep_for(interval);
  turn(loop);
  EXPECT_EQ(one.received, "12");
  EXPECT_EQ(other.received, "3");
}

TEST(SocketStreamTest, GatheredBytesDoNotWaitAfterASilentInterval) {
  boost::asio::io_context loop;
  connection one(loop);
  begin_interval(loop, one);
  for (const std::string text : {"2", "3"}) {
    std::this_thread::sleep_for(interval * 3 / 2);
    turn(loop);
    one.send(text);
    turn(loop);
    EXPECT_EQ(one.received.substr(1), text) << "the first after a rest is read at once";
    one.received = "1";
  }
}

TEST(SocketStreamTest, BytesThatAreNotGatheredAnyMoreDoNotWait) {
  boost::asio::io_context loop;
  connection one(loop);
  begin_interval(loop, one);
  one.send("2");
  one.ours->gather_reads(false, one.outcome);
  turn(loop);
  EXPECT_EQ(one.received, "12") << "bytes that waited are told of again";
  one.send("3");
  turn(loop);
  EXPECT_EQ(one.received, "123");
}

TEST(SocketStreamTest, TellsEveryOneOfManyThatAreGathered) {
  boost::asio::io_context loop;
  std::vector<std::unique_ptr<connection>> many;
  for (int i = 0; i < 300; ++i)
    many.push_back(std::make_unique<connection>(loop));
  begin_interval(loop, *many.front());
  for (auto& one : many) {
    one->reads = true;
    one->ours->gather_reads(true, one->outcome);
  }
  turn(loop);
  for (auto& one : many)
    one->send("x");
  std::this_thread::sleep_for(interval);
  turn(loop);
  for (auto& one : many)
    EXPECT_EQ(one->received.substr(one == many.front() ? 1 : 0), "x");
}

/// Lets each of `many` send until the loop has read it, and measures how long that takes.
std::chrono::steady_clock::duration play(boost::asio::io_context& loop,
                                         std::vector<std::unique_ptr<connection>>& many) {
  const auto begin = std::chrono::steady_clock::now();
  for (auto& one : many) {
    one->received.clear();
    one->send("x");
  }
  while (many.back()->received.empty() || many.front()->received.empty())
    turn(loop);
  return std::chrono::steady_clock::now() - begin;
}

TEST(SocketStreamTest, ManyStreamsWaitLess) {
  constexpr auto short_interval = 40ms;
  boost::asio::io_context loop;
  boost::asio::use_service<paced_watch>(loop).set_interval(short_interval);
  std::vector<std::unique_ptr<connection>> many;
  for (int i = 0; i < 60; ++i) {
    many.push_back(std::make_unique<connection>(loop));
    many.back()->reads = true;
    many.back()->ours->gather_reads(true, many.back()->outcome);
  }
  turn(loop);
  for (int i = 0; i < 3; ++i)
    play(loop, many); // each begins where an interval ended
  EXPECT_GT(play(loop, many), short_interval * 3 / 4);
  for (int i = 0; i < 30; ++i)
    play(loop, many);
  EXPECT_LT(std::min({play(loop, many), play(loop, many), play(loop, many)}), short_interval / 2);
  many.resize(2);
  for (int i = 0; i < 30; ++i)
    play(loop, many);
  EXPECT_GT(std::max({play(loop, many), play(loop, many), play(loop, many)}),
            short_interval * 3 / 4);
}

TEST(SocketStreamTest, ResetsWhenItIsClosedIfAskedTo) {
  for (const bool resets : {true, false}) {
    boost::asio::io_context loop;
    connection one(loop);
    one.ours->reset_at_close(true);
    one.ours->reset_at_close(resets);
    one.ours->close();
    char byte = 0;
    error_code ec;
    one.client.read_some(boost::asio::buffer(&byte, 1), ec);
    EXPECT_EQ(ec, resets ? error_code(boost::asio::error::connection_reset)
                         : error_code(boost::asio::error::eof));
  }
}

TEST(SocketStreamTest, ClosingTellsThePeerAndNobodyElse) {
  boost::asio::io_context loop;
  connection one(loop);
  turn(loop);
  const auto before = one.told;
  one.send("unread");
  one.ours->close();
  one.ours->close();
  turn(loop);
  EXPECT_EQ(one.told, before);
  char byte = 0;
  error_code ec;
  one.client.read_some(boost::asio::buffer(&byte, 1), ec);
  EXPECT_TRUE(ec);
}

TEST(SocketStreamTest, KnowsTheUserOfAUnixDomainSocket) {
  boost::asio::io_context loop;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const descriptor peer(ends[0]);
  const socket_stream ours(loop.get_executor(), descriptor(ends[1]));
  const auto user = ours.peer_user();
  ASSERT_TRUE(user);
  EXPECT_EQ(user->uid, ::geteuid());
  EXPECT_EQ(user->pid, ::getpid());
}

TEST(SocketStreamTest, KnowsNoUserOfAnyOtherSocket) {
  boost::asio::io_context loop;
  const connection one(loop);
  EXPECT_FALSE(one.ours->peer_user());
  EXPECT_FALSE(socket_stream(loop.get_executor(), descriptor()).peer_user());
}

} // namespace
} // namespace telemetry::net
