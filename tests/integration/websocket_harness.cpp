#include "tests/integration/websocket_harness.hpp"

#include "net/websocket_basic_session.hpp"
#include "tests/support/upgrade_request.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/_experimental/test/stream.hpp>

namespace telemetry::test {

/// beast::test::stream as a socket: its writes can be made to wait.
class link_stream {
public:
  using executor_type = boost::beast::test::stream::executor_type;

  link_stream(boost::beast::test::stream stream, std::shared_ptr<link_control> control)
      : stream_(std::move(stream)), control_(std::move(control)) {}

  executor_type get_executor() noexcept { return stream_.get_executor(); }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler handler) {
    stream_.async_read_some(buffers, std::move(handler));
  }

  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler handler) {
    if (!control_->is_blocked)
      return stream_.async_write_some(buffers, std::move(handler));
    control_->blocked_write = [this, buffers, handler] {
      stream_.async_write_some(buffers, handler);
    };
    control_->aborted_write = [executor = get_executor(), handler] {
      boost::asio::post(executor,
                        [handler]() mutable { handler(boost::asio::error::operation_aborted, 0); });
    };
  }

  boost::beast::test::stream& stream() noexcept { return stream_; }
  link_control& control() noexcept { return *control_; }

private:
  boost::beast::test::stream stream_;
  std::shared_ptr<link_control> control_;
};

} // namespace telemetry::test

template <>
struct telemetry::net::transport<telemetry::test::link_stream> {
  using stream = telemetry::test::link_stream;
  using error_code = boost::system::error_code;

  static void prepare(stream&) {}
  static std::size_t try_read(stream& s, boost::asio::mutable_buffer space, error_code& ec) {
    return s.stream().buffer().size() == 0 ? 0 : s.stream().read_some(space, ec);
  }
  static std::size_t try_write(stream& s, boost::asio::const_buffer bytes, error_code& ec) {
    return s.control().is_blocked ? 0 : s.stream().write_some(bytes, ec);
  }
  static void end_writing(stream& s) { s.control().has_ended = true; }
  static void close(stream& s) {
    s.control().is_closed = true;
    s.control().blocked_write = nullptr;
    if (const auto abort = std::exchange(s.control().aborted_write, nullptr))
      abort();
    s.stream().close();
  }
};

namespace telemetry::test {

namespace {

using boost::beast::test::fail_count;
using memory_stream = boost::beast::test::stream;

/// The test's own thread as an I/O thread.
struct loop_thread final : net::io_thread {
  explicit loop_thread(boost::asio::io_context& c) : context(c) {}
  void post(std::function<void()> task) override { boost::asio::post(context, std::move(task)); }
  [[nodiscard]] std::size_t index() const noexcept override { return 0; }
  boost::asio::io_context& context;
};

net::websocket_codec::request changed_request(const header_change& change) {
  auto request = upgrade_request();
  if (change.value.empty())
    request.erase(change.name);
  else
    request.set(change.name, change.value);
  return request;
}

} // namespace

struct websocket_pair::memory_link {
  memory_link(websocket_pair& p, std::optional<std::size_t> operations_to_failure)
      : faults(operations_to_failure.value_or(~std::size_t{0})), surroundings{p.options, p.engine,
                                                                              p.rest_api, thread,
                                                                              p.registry} {
    client.connect(server);
  }

  boost::asio::io_context context; // first in, last out
  fail_count faults;
  loop_thread thread{context};
  memory_stream client{context};
  memory_stream server{context, faults};
  net::session_context surroundings;
};

websocket_pair::websocket_pair(std::optional<std::size_t> operations_to_failure)
    : link_(std::make_unique<memory_link>(*this, operations_to_failure)) {
  options.version = "test";
}

websocket_pair::~websocket_pair() {
  close_client();
  registry.cut_all();
  run();
  EXPECT_EQ(registry.count(), 0u);
  EXPECT_EQ(engine.current, nullptr);
}

std::string websocket_pair::start(std::string_view early, const header_change& change) {
  using session = net::basic_websocket_session<link_stream>;
  std::make_shared<session>(link_stream(std::move(link_->server), control), link_->surroundings)
      ->start(changed_request(change), early);
  run();
  const auto end = rest().find("\r\n\r\n");
  if (end == std::string::npos)
    return {};
  auto head = output_.substr(0, end + 4);
  output_.erase(0, end + 4);
  return head;
}

void websocket_pair::send(std::string_view bytes) {
  boost::system::error_code ec; // the session may have closed
  link_->client.write_some(boost::asio::buffer(bytes.data(), bytes.size()), ec);
  run();
}

void websocket_pair::run() {
  link_->context.restart();
  link_->context.poll();
}

void websocket_pair::tick(int times) {
  for (int i = 0; i < times; ++i) {
    registry.tick_all();
    run();
  }
}

void websocket_pair::close_client() {
  link_->client.close();
  run();
}

std::vector<server_frame> websocket_pair::frames() {
  (void)rest();
  return take_server_frames(output_);
}

const std::string& websocket_pair::rest() {
  const auto text = link_->client.str();
  output_.append(text.data(), text.size());
  link_->client.clear();
  return output_;
}

} // namespace telemetry::test
