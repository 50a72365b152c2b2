#include "tests/integration/websocket_harness.hpp"

#include "tests/support/upgrade_request.hpp"

namespace telemetry::test {

namespace {

net::websocket_codec::request changed_request(const header_change& change) {
  auto request = upgrade_request();
  if (change.value.empty())
    request.erase(change.name);
  else
    request.set(change.name, change.value);
  return request;
}

} // namespace

websocket_pair::~websocket_pair() {
  close_client();
  registry.cut_all();
  run();
  EXPECT_EQ(registry.count(), 0u);
  EXPECT_EQ(engine.current, nullptr);
}

std::string websocket_pair::start(std::string_view early, const header_change& change) {
  net::start_websocket_session(std::make_unique<feed_stream>(context_, peer),
                               changed_request(change), early, surroundings_, who);
  run();
  const auto end = rest().find("\r\n\r\n");
  if (end == std::string::npos)
    return {};
  auto head = output_.substr(0, end + 4);
  output_.erase(0, end + 4);
  return head;
}

void websocket_pair::send(std::string_view bytes) {
  unread_ = std::string(peer.input) + std::string(bytes);
  peer.give(unread_);
  run();
}

void websocket_pair::block() { peer.is_blocked = true; }

void websocket_pair::unblock() {
  peer.is_blocked = false;
  if (peer.listener != nullptr)
    peer.listener->on_ready();
}

void websocket_pair::run() {
  do {
    context_.restart();
    context_.poll();
  } while (peer.pump());
}

void websocket_pair::post(std::function<void()> what) {
  boost::asio::post(context_, std::move(what));
}

void websocket_pair::tick(int times) {
  for (int i = 0; i < times; ++i) {
    registry.tick_all();
    run();
  }
}

void websocket_pair::close_client() {
  peer.end();
  run();
}

std::vector<server_frame> websocket_pair::frames() {
  (void)rest();
  return take_server_frames(output_);
}

const std::string& websocket_pair::rest() {
  output_ += std::exchange(peer.output, {});
  return output_;
}

} // namespace telemetry::test
