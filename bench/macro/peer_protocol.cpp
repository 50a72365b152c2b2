#include "bench/macro/peer_protocol.hpp"

#include <sys/socket.h>

namespace telemetry::bench {

event_fields fields_of(std::string_view line) {
  const auto take = [&line] {
    const auto field = line.substr(0, line.find(','));
    line.remove_prefix(field.size() + 1);
    return field;
  };
  event_fields out;
  out.x = take();
  out.y = take();
  out.timestamp = take();
  out.robot = line;
  return out;
}

std::string receive_at_least(int fd, std::size_t size) {
  std::string in;
  while (in.size() < size) {
    char part[1024];
    const auto got = ::recv(fd, part, sizeof part, 0);
    if (got < 0)
      throw_errno("recv");
    if (got == 0)
      throw refused("the peer hung up instead of greeting");
    in.append(part, static_cast<std::size_t>(got));
  }
  return in;
}

} // namespace telemetry::bench
