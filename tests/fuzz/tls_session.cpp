// What a client of HTTP sends, with TLS and without: the answers are the same, and nothing is left
// of a session whose client has gone. The first byte says how the rest is cut.

#include "net/http_session.hpp"
#include "net/tls_stream.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/integration/http_fake_api.hpp"
#include "tests/support/loop_thread.hpp"
#include "tests/support/tls_pair.hpp"

#include <cstdint>

namespace {

using namespace telemetry;
using fuzz::require;

struct no_upstreams final : net::upstream_factory {
  result<std::unique_ptr<net::upstream>> open(net::upstream_peer&, net::io_thread&,
                                              net::caller_ptr) override {
    return failure{errc::unavailable, "not here"};
  }
};

/// A server of one session.
struct world {
  world() { api.add_robot("r", 20); }

  void run() {
    do {
      loop.restart();
      loop.poll();
    } while (far_end.pump());
  }
  /// The client's bytes arrive behind those that are not read.
  void give(std::string_view bytes) {
    unread = std::string(far_end.input).append(bytes);
    far_end.give(unread);
    run();
  }
  void end() {
    far_end.end();
    run();
    require(sessions.count() == 0 && !far_end.is_open);
  }

  boost::asio::io_context loop;
  net::server_options options;
  net::fake_api api;
  no_upstreams upstreams;
  test::loop_thread io{loop};
  net::session_registry sessions;
  net::session_context context{options, upstreams, api, io, sessions, net::open_callers()};
  test::feed far_end;
  std::string unread;
};

/// The answers differ in their dates only.
std::string without_dates(std::string text) {
  constexpr std::string_view name = "\r\nDate: ";
  for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + 1))
    text.erase(at, text.find("\r\n", at + 2) - at);
  return text;
}

std::string talk_plainly(std::string_view input, std::size_t piece) {
  world all;
  net::start_http_session(std::make_unique<test::feed_stream>(all.loop, all.far_end), all.context);
  all.run();
  for (; !input.empty(); input.remove_prefix(std::min(piece, input.size())))
    all.give(input.substr(0, piece));
  const auto answers = all.far_end.output;
  all.end();
  return without_dates(answers);
}

/// Makes the handshake, in the way of an opening.
std::unique_ptr<net::tls_stream> open(world& all, test::tls_client& client) {
  client.shake_hands();
  auto stream =
      std::make_unique<net::tls_stream>(std::make_unique<test::feed_stream>(all.loop, all.far_end),
                                        test::tls_credentials_of_tests(), client.take_output());
  require(stream->handshake() == net::tls_stream::progress::waits);
  client.receive(std::exchange(all.far_end.output, {}));
  require(client.shake_hands());
  struct : net::stream_listener {
    void on_ready() override {}
  } nobody;
  net::byte_stream::error_code ec;
  stream->watch(nobody, ec);
  all.give(client.take_output());
  require(stream->handshake() == net::tls_stream::progress::done);
  return stream;
}

std::string talk_over_tls(std::string_view input, std::size_t piece) {
  world all;
  test::tls_client client;
  net::start_http_session(open(all, client), all.context);
  all.run();
  std::string answers;
  const auto take = [&] {
    client.receive(std::exchange(all.far_end.output, {}));
    answers += client.read();
  };
  for (; !input.empty(); input.remove_prefix(std::min(piece, input.size()))) {
    client.write(input.substr(0, piece));
    all.give(client.take_output());
    take();
  }
  client.end();
  all.give(client.take_output());
  take();
  all.end();
  return without_dates(answers);
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = 1u + data[0] * 5u;
  require(talk_plainly(input, piece) == talk_over_tls(input, piece));
  return 0;
}
