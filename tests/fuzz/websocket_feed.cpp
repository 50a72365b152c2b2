// What a client sends on a WebSocket, in pieces and as a whole: no input may crash the session,
// the messages that come out do not depend on the pieces, every message is answered before the
// connection is closed, and nothing is left of a session that ended.
//
// The first byte says how the rest is cut and how late the engine answers.

#include "net/server.hpp"
#include "net/upstream.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/support/feed_stream.hpp"
#include "tests/support/loop_thread.hpp"
#include "tests/support/no_api.hpp"
#include "tests/support/upgrade_request.hpp"
#include "tests/support/websocket_frames.hpp"

#include <cstdint>
#include <vector>

namespace {

using namespace telemetry;
using fuzz::require;

constexpr std::size_t message_bytes_max = 2000;

/// Answers `delay` reads late, and has credit for as many messages as it must hold for that.
struct engine final : net::upstream_factory {
  struct connection final : net::upstream {
    connection(engine& e, net::upstream_peer& p) : owner(e), peer(p) { owner.current = this; }
    ~connection() override { owner.current = nullptr; }
    std::size_t on_messages(std::span<const std::string_view> messages) override {
      require(!messages.empty());
      for (const auto message : messages) {
        require(message.size() <= message_bytes_max);
        owner.received.emplace_back(message);
      }
      open += messages.size();
      if (owner.delay == 0) {
        answer();
      }
      return messages.size();
    }
    bool may_read() const override { return open <= owner.delay; }
    std::size_t unanswered() const override { return open; }
    void change_caller(net::caller_ptr) override {}
    void answer() {
      peer.answer_ok(std::exchange(open, 0));
      peer.flush();
    }

    engine& owner;
    net::upstream_peer& peer;
    std::size_t open = 0;
  };

  result<std::unique_ptr<net::upstream>> open(net::upstream_peer& peer, net::io_thread&,
                                              net::caller_ptr) override {
    return std::unique_ptr<net::upstream>{std::make_unique<connection>(*this, peer)};
  }

  std::size_t delay = 0;
  connection* current = nullptr;
  std::vector<std::string> received;
};

/// A whole life of one session. @returns the messages that the engine got.
std::vector<std::string> serve(std::string_view input, std::size_t piece, std::size_t delay) {
  static boost::asio::io_context context;
  static const auto upgrade = test::upgrade_request();
  net::server_options options;
  options.message_bytes_max = message_bytes_max;
  engine upstreams;
  upstreams.delay = delay;
  test::loop_thread io(context);
  net::session_registry registry;
  test::no_api api;
  net::session_context surroundings{options, upstreams, api, io, registry, net::open_callers()};
  test::feed peer;
  net::start_websocket_session(std::make_unique<test::feed_stream>(context, peer), upgrade, "",
                               surroundings, net::anonymous());
  const auto head = peer.output.find("\r\n\r\n");
  require(head != std::string::npos);
  peer.output.erase(0, head + 4);

  for (; !input.empty(); input.remove_prefix(std::min(piece, input.size()))) {
    peer.give(input.substr(0, piece));
    peer.pump();
    while (peer.is_open && !peer.input.empty()) {
      context.restart();
      if (context.poll() == 0) { // it does not read: for want of credit, or it is closing
        require(upstreams.current->open > 0);
        upstreams.current->answer();
      }
    }
  }
  if (upstreams.current != nullptr && upstreams.current->open > 0) {
    upstreams.current->answer();
  }
  std::size_t answers = 0;
  bool is_closed = false;
  for (const auto& frame : test::take_server_frames(peer.output)) {
    require(!is_closed); // nothing comes behind a close
    answers += frame.op == test::opcode::text ? 1 : 0;
    is_closed = frame.op == test::opcode::close;
  }
  require(peer.output.empty());
  require(answers == upstreams.received.size());
  peer.end();
  peer.pump();
  context.restart();
  context.poll();
  require(registry.count() == 0 && upstreams.current == nullptr);
  return upstreams.received;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = 1u + data[0] / 4u;
  const std::size_t delay = data[0] % 4u;
  require(serve(input, input.size() + 1, 0) == serve(input, piece, delay));
  return 0;
}
