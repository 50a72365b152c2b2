#include "tests/support/mysql_proxy.hpp"

#include <array>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace telemetry::test {
namespace {

constexpr std::size_t header_bytes = 4; ///< of a packet: length in three bytes, sequence number
constexpr char com_query = 3;

/// A socket bound to a free port of 127.0.0.1.
std::pair<int, std::uint16_t> bind_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (fd < 0 || bind(fd, generic, size) != 0 || getsockname(fd, generic, &size) != 0)
    throw std::runtime_error(std::string("no port: ") + std::strerror(errno));
  return {fd, ntohs(address.sin_port)};
}

std::pair<int, std::uint16_t> listen_on_port() {
  const auto bound = bind_port();
  if (listen(bound.first, 16) != 0)
    throw std::runtime_error(std::string("cannot listen: ") + std::strerror(errno));
  return bound;
}

/// @returns -1 if nobody listens.
int connect_to(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return fd;
  close(fd);
  return -1;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string packet(char sequence, const std::string& payload) {
  std::string bytes;
  for (int shift = 0; shift < 24; shift += 8)
    bytes += static_cast<char>(payload.size() >> shift);
  return bytes + sequence + payload;
}

std::string error_packet(int code) {
  std::string payload = "\xff";
  payload += static_cast<char>(code & 0xff);
  payload += static_cast<char>(code >> 8);
  return packet(1, payload + "#HY000made up by a test");
}

} // namespace

/// One client and its connection to the server, with a thread of its own.
class mysql_proxy::connection {
public:
  connection(mysql_proxy& owner, int client, int server)
      : owner_(owner), client_(client), server_(server), thread_([this] { run(); }) {}
  ~connection() {
    thread_.join();
    close(client_);
    close(server_);
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  void break_off() const {
    shutdown(client_, SHUT_RDWR);
    shutdown(server_, SHUT_RDWR);
  }

private:
  void run() {
    while (true) {
      std::array<pollfd, 2> ready{pollfd{client_, POLLIN, 0}, pollfd{server_, POLLIN, 0}};
      if (poll(ready.data(), ready.size(), -1) < 0)
        break;
      if ((ready[0].revents != 0 && !from_client()) || (ready[1].revents != 0 && !from_server()))
        break;
    }
    break_off();
  }

  bool from_server() {
    const ssize_t got = recv(server_, buffer_.data(), buffer_.size(), 0);
    return got > 0 && send_all(client_, {buffer_.data(), static_cast<std::size_t>(got)});
  }

  bool from_client() {
    const ssize_t got = recv(client_, buffer_.data(), buffer_.size(), 0);
    if (got <= 0)
      return false;
    pending_.append(buffer_.data(), static_cast<std::size_t>(got));
    while (pending_.size() >= header_bytes) {
      std::size_t size = 0;
      for (int i = 2; i >= 0; --i)
        size = size << 8 | static_cast<unsigned char>(pending_[static_cast<std::size_t>(i)]);
      if (pending_.size() < header_bytes + size)
        break;
      const std::string whole = pending_.substr(0, header_bytes + size);
      pending_.erase(0, whole.size());
      if (!forward(whole))
        return false;
    }
    return true;
  }

  bool forward(const std::string& whole) {
    const bool is_statement = whole.size() > header_bytes && whole[header_bytes - 1] == 0 &&
                              whole[header_bytes] == com_query;
    if (!is_statement)
      return send_all(server_, whole);
    const statement_fate fate = owner_.decide(std::string_view(whole).substr(header_bytes + 1));
    switch (fate.what) {
    case statement_fate::kind::pass:
      return send_all(server_, whole);
    case statement_fate::kind::lose_before:
      return false;
    case statement_fate::kind::lose_after:
      if (send_all(server_, whole))
        static_cast<void>(recv(server_, buffer_.data(), buffer_.size(), 0));
      return false;
    case statement_fate::kind::refuse:
      return send_all(client_, error_packet(fate.code));
    case statement_fate::kind::replace:
      return send_all(server_, packet(0, com_query + fate.instead));
    }
    return false;
  }

  mysql_proxy& owner_;
  int client_;
  int server_;
  std::string pending_; ///< from the client, less than a packet
  std::array<char, 65'536> buffer_{};
  std::thread thread_;
};

mysql_proxy::mysql_proxy(std::string upstream) : upstream_(std::move(upstream)) {
  std::tie(listener_, port_) = listen_on_port();
  acceptor_ = std::thread([this] { accept_all(); });
}

mysql_proxy::~mysql_proxy() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
    for (const connection& one : connections_)
      one.break_off();
  }
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  connections_.clear();
  close(listener_);
}

void mysql_proxy::accept_all() {
  for (int client = 0; (client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    const int server = connect_to(upstream_);
    const std::scoped_lock lock(mutex_);
    if (server < 0 || closing_) {
      close(client);
      close(server);
      continue;
    }
    connections_.emplace_back(*this, client, server);
  }
}

statement_fate mysql_proxy::decide(std::string_view statement) {
  const std::scoped_lock lock(mutex_);
  return judge_ ? judge_(statement) : statement_fate();
}

void mysql_proxy::set_judge(judge decide) {
  const std::scoped_lock lock(mutex_);
  judge_ = std::move(decide);
}

std::size_t mysql_proxy::connections() {
  const std::scoped_lock lock(mutex_);
  return connections_.size();
}

silent_host::silent_host() { std::tie(listener_, port_) = listen_on_port(); }
silent_host::~silent_host() { close(listener_); }

std::size_t silent_host::take_connections() {
  std::size_t count = 0;
  for (pollfd ready{listener_, POLLIN, 0}; poll(&ready, 1, 0) > 0; ++count)
    close(accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
  return count;
}

std::uint16_t refusing_port() {
  const auto [fd, port] = bind_port();
  close(fd);
  return port;
}

} // namespace telemetry::test
