// Cost per frame of the WebSocket side alone: a text frame in, an OK out, an engine that answers
// within the call. The argument is the number of frames in flight.
// Input: masked frames of 42 bytes of payload, fixed.
// `feed_*`: session and codec over a stream in memory, no system calls. `socket_*`: a loopback
// socket; the time is that of the I/O thread alone (the client's is left out).

#include "net/io_pool.hpp"
#include "net/socket_stream.hpp"
#include "tests/support/feed_stream.hpp"
#include "tests/support/loop_thread.hpp"
#include "tests/support/no_api.hpp"
#include "tests/support/upgrade_request.hpp"
#include "tests/support/websocket_frames.hpp"

#include <benchmark/benchmark.h>

#include <ctime>
#include <future>

namespace telemetry {
namespace {

using boost::asio::ip::tcp;

constexpr std::string_view line = "-12.345678,678.90123,1700000000123,robot42";
static_assert(line.size() == 42);

std::string frames_in_flight(std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i)
    bytes += test::client_text(line);
  return bytes;
}

/// Answers OK at once.
struct instant_engine final : net::upstream_factory {
  struct connection final : net::upstream {
    explicit connection(net::upstream_peer& p) : peer(p) {}
    std::size_t on_messages(std::span<const std::string_view> messages) override {
      peer.answer_ok(messages.size());
      peer.flush();
      return messages.size();
    }
    [[nodiscard]] bool may_read() const override { return true; }
    [[nodiscard]] std::size_t unanswered() const override { return 0; }
    void change_caller(net::caller_ptr) override {}
    net::upstream_peer& peer;
  };
  result<std::unique_ptr<net::upstream>> open(net::upstream_peer& peer, net::io_thread&,
                                              net::caller_ptr) override {
    return std::unique_ptr<net::upstream>{std::make_unique<connection>(peer)};
  }
};

void feed_frames_in_flight(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto bytes = frames_in_flight(count);
  boost::asio::io_context context;
  net::server_options options;
  instant_engine engine;
  test::no_api api;
  test::loop_thread io(context);
  net::session_registry registry;
  net::session_context surroundings{options, engine, api, io, registry, net::open_callers()};
  test::feed peer;
  net::start_websocket_session(std::make_unique<test::feed_stream>(context, peer),
                               test::upgrade_request(), "", surroundings, net::anonymous());
  for (auto _ : state) {
    peer.output.clear();
    peer.give(bytes);
    peer.pump();
    if (peer.output.size() != 4 * count)
      state.SkipWithError("not every frame was answered");
  }
  peer.end();
  peer.pump();
  context.run();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(feed_frames_in_flight)->Arg(1)->Arg(16)->Arg(100)->Arg(1000);

/// Processor time that the thread has used, in seconds.
double cpu_seconds(net::pooled_io_thread& thread) {
  std::promise<double> used;
  thread.post([&] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    used.set_value(static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec));
  });
  return used.get_future().get();
}

void socket_frames_in_flight(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto bytes = frames_in_flight(count);
  net::server_options options;
  instant_engine engine;
  test::no_api api;
  net::pooled_io_thread thread(0, std::chrono::seconds(1));
  net::session_context surroundings{
      options, engine, api, thread, thread.sessions(), net::open_callers()};
  boost::asio::io_context context;
  tcp::acceptor acceptor(context, {boost::asio::ip::address_v4::loopback(), 0});
  tcp::socket client(context);
  client.connect(acceptor.local_endpoint());
  tcp::socket accepted(thread.context());
  acceptor.accept(accepted);
  thread.post([&] {
    net::start_websocket_session(
        std::make_unique<net::socket_stream>(thread.context().get_executor(),
                                             telemetry::descriptor(accepted.release())),
        test::upgrade_request(), "", surroundings, net::anonymous());
  });
  std::string input(1u << 16, '\0');
  const auto receive = [&] { return client.read_some(boost::asio::buffer(input)); };
  receive(); // the response to the handshake, in one piece
  constexpr int rounds = 200;
  for (auto _ : state) {
    const auto before = cpu_seconds(thread);
    for (int i = 0; i < rounds; ++i) {
      client.write_some(boost::asio::buffer(bytes));
      for (std::size_t got = 0; got < 4 * count;)
        got += receive();
    }
    state.SetIterationTime(cpu_seconds(thread) - before);
  }
  state.SetItemsProcessed(state.iterations() * rounds * state.range(0));
  thread.stop();
}
BENCHMARK(socket_frames_in_flight)->Arg(1)->Arg(16)->Arg(100)->Arg(1000)->UseManualTime();

} // namespace
} // namespace telemetry
