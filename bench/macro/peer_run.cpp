#include "bench/macro/peer_run.hpp"

#include "bench/macro/producer.hpp"

#include <array>
#include <cerrno>
#include <deque>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace telemetry::bench {

namespace {

constexpr std::size_t receive_bytes = std::size_t{256} * 1024;
constexpr std::int64_t stall_ns = 60'000'000'000;
constexpr int wait_ms_max = 100;

struct connection_lost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

bool has_hung_up(int error) { return error == EPIPE || error == ECONNRESET; }

void watch(int epoll, int operation, int fd, std::size_t connection, bool write) {
  epoll_event wanted{};
  wanted.events = EPOLLIN | (write ? std::uint32_t{EPOLLOUT} : 0);
  wanted.data.u64 = connection;
  if (::epoll_ctl(epoll, operation, fd, &wanted) != 0)
    throw_errno("epoll_ctl");
}

class peer_connection {
public:
  peer_connection(const peer_options& options, fleet& events, std::size_t number,
                  std::unique_ptr<peer_protocol> protocol)
      : options_(options), feed_(events, options, number), protocol_(std::move(protocol)),
        fd_(connect_loopback(options.port)) {
    protocol_->greet(fd_.get());
    set_non_blocking(fd_.get());
  }

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool wants_to_write() const { return sent_ < out_.size(); }
  [[nodiscard]] std::size_t in_flight() const { return started_ns_.size(); }
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] bool is_done() const { return acknowledged_ == options_.requests_per_connection; }

  /// Queues what the window allows, and sends as far as the socket takes it.
  void fill(std::int64_t now) {
    while (in_flight() < options_.window && queued_ < options_.requests_per_connection) {
      protocol_->append_request(out_, feed_.next());
      started_ns_.push_back(now);
      ++queued_;
    }
    if (!wants_to_write())
      return;
    const auto sent = ::send(fd(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (sent < 0 && has_hung_up(errno))
      throw connection_lost("the peer ended a connection");
    if (sent < 0 && errno != EAGAIN)
      throw_errno("send");
    sent_ += sent > 0 ? static_cast<std::size_t>(sent) : 0;
    if (!wants_to_write()) {
      out_.clear();
      sent_ = 0;
    }
  }

  /// Takes the answers that are in the socket.
  void receive(std::string& buffer, histogram& latency) {
    const auto got = ::recv(fd(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN)
      return;
    if (got == 0 || (got < 0 && has_hung_up(errno)))
      throw connection_lost("the peer ended a connection");
    if (got < 0)
      throw_errno("recv");
    in_.append(buffer.data(), static_cast<std::size_t>(got));
    std::string_view rest = in_;
    const auto answers = protocol_->take_answers(rest);
    in_.erase(0, in_.size() - rest.size());
    if (answers > in_flight())
      throw refused("an answer to no request");
    const auto now = now_ns();
    for (std::size_t i = 0; i < answers; ++i) {
      latency.record(now - started_ns_.front());
      started_ns_.pop_front();
    }
    acknowledged_ += answers;
  }

private:
  const peer_options& options_;
  connection_feed feed_;
  std::unique_ptr<peer_protocol> protocol_;
  descriptor fd_;
  std::string out_;
  std::size_t sent_ = 0;
  std::string in_;
  std::deque<std::int64_t> started_ns_;
  std::uint64_t queued_ = 0;
  std::uint64_t acknowledged_ = 0;
};

class socket_run {
public:
  socket_run(const peer_options& options, fleet& events, const protocol_maker& make)
      : options_(options), epoll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(receive_bytes, '\0'),
        polled_for_write_(options.connections, false) {
    for (std::size_t number = 0; number < options.connections; ++number) {
      connections_.emplace_back(options, events, number, make(number));
      watch(epoll_.get(), EPOLL_CTL_ADD, connections_.back().fd(), number, false);
    }
  }

  peer_tally run() {
    const auto start = last_answer_ns_ = now_ns();
    try {
      for (std::size_t number = 0; number < connections_.size(); ++number)
        fill(number, start);
      while (done_ < connections_.size())
        wait_and_receive();
    } catch (const connection_lost&) {
      if (!options_.until_killed)
        throw;
    }
    tally_.seconds = static_cast<double>(now_ns() - start) / 1e9;
    for (const auto& at : connections_)
      tally_.acknowledged.push_back(at.acknowledged());
    return std::move(tally_);
  }

private:
  void fill(std::size_t number, std::int64_t now) {
    auto& at = connections_[number];
    at.fill(now);
    if (at.wants_to_write() == polled_for_write_[number])
      return;
    polled_for_write_[number] = at.wants_to_write();
    watch(epoll_.get(), EPOLL_CTL_MOD, at.fd(), number, at.wants_to_write());
  }

  void wait_and_receive() {
    std::array<epoll_event, 256> ready;
    const auto count = ::epoll_wait(epoll_.get(), ready.data(), ready.size(), wait_ms_max);
    if (count < 0 && errno != EINTR)
      throw_errno("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const auto number = ready[static_cast<std::size_t>(i)].data.u64;
      auto& at = connections_[number];
      const auto before = at.acknowledged();
      at.receive(buffer_, tally_.latency);
      const auto now = now_ns();
      if (at.acknowledged() > before) {
        last_answer_ns_ = now;
        done_ += at.is_done() ? 1 : 0;
      }
      fill(number, now);
    }
    if (now_ns() - last_answer_ns_ > stall_ns)
      throw std::runtime_error("no answer for 60 s");
  }

  const peer_options& options_;
  descriptor epoll_;
  std::deque<peer_connection> connections_;
  std::string buffer_;
  std::vector<bool> polled_for_write_;
  peer_tally tally_;
  std::size_t done_ = 0;
  std::int64_t last_answer_ns_ = 0;
};

} // namespace

std::span<const event_fields> connection_feed::next() {
  lines_.clear();
  fields_.clear();
  for (std::size_t i = 0; i < options_.events_per_request; ++i) {
    events_.append_event(lane_, lines_);
    lines_ += '\n';
    lane_ += options_.connections;
    if (lane_ >= options_.lanes)
      lane_ = connection_;
  }
  for (std::string_view rest = lines_; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    fields_.push_back(fields_of(line));
    rest.remove_prefix(line.size() + 1);
  }
  return fields_;
}

peer_tally run_sockets(const peer_options& options, fleet& events, const protocol_maker& make) {
  return socket_run(options, events, make).run();
}

} // namespace telemetry::bench
