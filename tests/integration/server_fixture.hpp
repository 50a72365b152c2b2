#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include "net/server.hpp"
#include "tests/support/websocket_frames.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

namespace telemetry::test {

/// An engine that answers late, from a thread of its own, each message with itself.
class echo_engine final : public net::upstream_factory {
public:
  echo_engine() : thread_([this] { work(); }) {}
  ~echo_engine() override {
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  result<std::unique_ptr<net::upstream>> open(net::upstream_peer& peer, net::io_thread& io,
                                              net::caller_ptr) override {
    return std::unique_ptr<net::upstream>{std::make_unique<connection>(*this, peer, io)};
  }

  /// While held, nothing is answered.
  void hold(bool is_held) {
    {
      const std::lock_guard lock(mutex_);
      is_held_ = is_held;
    }
    changed_.notify_one();
  }
  /// Waits until `count` messages wait for an answer.
  void wait_for_messages(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return jobs_.size() >= count; });
  }

  /// How many wait, by the index of the I/O thread that read them.
  std::map<std::size_t, std::size_t> waiting_by_thread() {
    const std::lock_guard lock(mutex_);
    std::map<std::size_t, std::size_t> counts;
    for (const auto& one : jobs_)
      ++counts[one.io->index()];
    return counts;
  }

private:
  static constexpr std::size_t in_flight_max = 50;

  struct state {
    net::upstream_peer* peer;
    std::size_t open = 0;
  };
  struct job {
    std::weak_ptr<state> to;
    net::io_thread* io;
    std::string text;
  };
  struct connection final : net::upstream {
    connection(echo_engine& e, net::upstream_peer& peer, net::io_thread& i) : engine(e), io(i) {
      shared->peer = &peer;
    }
    std::size_t on_messages(std::span<const std::string_view> messages) override {
      shared->open += messages.size();
      {
        const std::lock_guard lock(engine.mutex_);
        for (const auto message : messages)
          engine.jobs_.push_back({shared, &io, std::string(message)});
      }
      engine.changed_.notify_all();
      return messages.size();
    }
    [[nodiscard]] bool may_read() const override { return shared->open < in_flight_max; }
    [[nodiscard]] std::size_t unanswered() const override { return shared->open; }
    void change_caller(net::caller_ptr) override {}

    echo_engine& engine;
    net::io_thread& io;
    std::shared_ptr<state> shared = std::make_shared<state>();
  };

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return is_stopping_ || (!is_held_ && !jobs_.empty()); });
      if (is_stopping_)
        return;
      auto jobs = std::exchange(jobs_, {});
      lock.unlock();
      for (auto& one : jobs)
        one.io->post([to = one.to, text = std::move(one.text)] {
          if (const auto open = to.lock()) {
            --open->open;
            open->peer->answer(text);
            open->peer->flush();
          }
        });
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<job> jobs_;
  bool is_held_ = false;
  bool is_stopping_ = false;
  std::thread thread_; // last: it uses all of this
};

/// A client with a socket of its own. Everything blocks.
class blocking_client {
public:
  explicit blocking_client(std::uint16_t port, const boost::asio::ip::address& address =
                                                   boost::asio::ip::address_v4::loopback())
      : blocking_client(boost::asio::ip::tcp::endpoint(address, port)) {}
  explicit blocking_client(const std::string& unix_path)
      : blocking_client(boost::asio::local::stream_protocol::endpoint(unix_path)) {}

  void connect() { socket_.connect(server_); }
  void send(std::string_view bytes) {
    while (!bytes.empty())
      bytes.remove_prefix(socket_.write_some(boost::asio::buffer(bytes.data(), bytes.size())));
  }
  /// Sends the handshake. @returns the response's head.
  std::string upgrade() {
    send("GET /upstream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
         "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    while (input_.find("\r\n\r\n") == std::string::npos)
      if (!receive())
        throw std::runtime_error("closed in the handshake: " + input_);
    const auto end = input_.find("\r\n\r\n") + 4;
    auto head = input_.substr(0, end);
    input_.erase(0, end);
    return head;
  }
  /// At least `count` frames, fewer only at the end of the connection.
  std::vector<server_frame> receive_frames(std::size_t count) {
    auto frames = take_server_frames(input_);
    while (frames.size() < count && receive())
      for (auto& frame : take_server_frames(input_))
        frames.push_back(std::move(frame));
    return frames;
  }
  /// The last `count` frames, the server's close among them; answers it, as a client has to.
  std::vector<server_frame> receive_end(std::size_t count) {
    auto frames = receive_frames(count);
    send(client_close(1000));
    for (auto& frame : receive_frames(1))
      frames.push_back(std::move(frame)); // there should be none
    return frames;
  }
  /// All that comes until the server ends the connection.
  std::string receive_all() {
    while (receive()) {
    }
    return std::exchange(input_, {});
  }

private:
  using stream_protocol = boost::asio::generic::stream_protocol;

  explicit blocking_client(const stream_protocol::endpoint& server) : server_(server) {
    socket_.open(server_.protocol());
  }
  bool receive() {
    char buffer[4096];
    boost::system::error_code ec;
    const auto size = socket_.read_some(boost::asio::buffer(buffer), ec);
    input_.append(buffer, size);
    return !ec;
  }

  stream_protocol::endpoint server_;
  boost::asio::io_context context_;
  stream_protocol::socket socket_{context_};
  std::string input_;
};

} // namespace telemetry::test
