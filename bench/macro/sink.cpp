#include "bench/macro/frame.hpp"
#include "bench/macro/socket.hpp"

#include <array>
#include <boost/program_options.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unordered_map>

/// The cheapest server there can be: one thread, frames are counted but not read, every one is
/// answered with a constant, all answers to one read in one write. Nothing is stored.
/// What a server costs above this is its own work; the rest is sockets and the kernel.
namespace {

using namespace telemetry::bench;

struct peer {
  descriptor socket;
  bool upgraded = false;
  std::string in{};
  std::string out{};
};

std::string answer_of(std::size_t lines) {
  std::string text = "OK";
  for (std::size_t line = 1; line < lines; ++line)
    text += "\nOK";
  std::string out;
  append_text_frame(out, text);
  return out;
}

/// Answers the handshake (with the constant that telemetry_load expects), then every text frame.
/// @returns false once the peer says goodbye.
bool answer_all(peer& from, std::string_view in, std::string_view answer) {
  if (!from.upgraded) {
    from.in += in;
    if (from.in.find("\r\n\r\n") == std::string::npos)
      return true;
    from.out = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: ";
    from.out.append(upgrade_accept).append("\r\n\r\n");
    from.in.clear();
    from.upgraded = true;
    return true;
  }
  const bool joined = !from.in.empty();
  if (joined) {
    from.in += in;
    in = from.in;
  }
  while (const auto next = read_frame(in)) {
    if (next->kind == opcode::close)
      return false;
    from.out += answer;
    in.remove_prefix(next->size);
  }
  from.in = std::string(in);
  return true;
}

bool write_out(peer& to) {
  const auto sent = ::send(to.socket.get(), to.out.data(), to.out.size(), MSG_NOSIGNAL);
  const bool whole = sent == static_cast<ssize_t>(to.out.size());
  to.out.clear();
  return whole;
}

void watch(int epoll, int fd) {
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.fd = fd;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) != 0)
    throw_errno("epoll_ctl");
}

[[noreturn]] void serve(int listener, const std::string& answer) {
  const descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  watch(epoll.get(), listener);
  std::unordered_map<int, peer> peers;
  std::string buffer(std::size_t{64} * 1024, '\0');
  while (true) {
    std::array<epoll_event, 256> ready;
    const auto count = ::epoll_wait(epoll.get(), ready.data(), ready.size(), -1);
    for (int i = 0; i < count; ++i) {
      const auto fd = ready[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        descriptor accepted(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        watch(epoll.get(), accepted.get());
        const auto key = accepted.get();
        peers.emplace(key, peer{std::move(accepted)});
        continue;
      }
      auto& from = peers.at(fd);
      const auto got = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (got <= 0 ||
          !answer_all(from, std::string_view(buffer.data(), static_cast<std::size_t>(got)),
                      answer) ||
          !write_out(from))
        peers.erase(fd);
    }
  }
}

} // namespace

int main(int argc, char** argv) {
  namespace po = boost::program_options;
  std::uint16_t port = 0;
  std::size_t lines = 1;
  po::options_description options("telemetry_sink: answers OK to every frame, stores nothing");
  options.add_options()("help", "this text");
  options.add_options()("port", po::value(&port)->default_value(0), "on 127.0.0.1; 0: a free one");
  options.add_options()("lines", po::value(&lines)->default_value(1), "OK lines of every answer");
  try {
    po::variables_map given;
    po::store(po::parse_command_line(argc, argv, options), given);
    po::notify(given);
    if (given.count("help") > 0) {
      std::cout << options;
      return 0;
    }
    raise_file_limit();
    const auto listener = listen_loopback(port);
    std::fprintf(stderr, "msg=\"sink is serving\" address=127.0.0.1:%d\n", port);
    serve(listener.get(), answer_of(lines));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "telemetry_sink: %s\n", error.what());
    return 2;
  }
}
