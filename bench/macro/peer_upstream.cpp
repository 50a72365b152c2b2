#include "bench/macro/fleet.hpp"
#include "bench/macro/frame.hpp"
#include "bench/macro/peer_protocol.hpp"

namespace telemetry::bench {

namespace {

bool all_ok(std::string_view answer) {
  while (!answer.empty()) {
    const auto line = answer.substr(0, answer.find('\n'));
    if (line != "OK")
      return false;
    answer.remove_prefix(std::min(line.size() + 1, answer.size()));
  }
  return true;
}

class upstream_protocol final : public peer_protocol {
public:
  upstream_protocol(std::uint16_t port, std::size_t client) : port_(port), masks_(client) {}

  void greet(int fd) override {
    send_all(fd, upgrade_request("/upstream", port_));
    std::string answer;
    while (!answer.ends_with("\r\n\r\n"))
      answer += receive_at_least(fd, 1);
    if (!answer.starts_with("HTTP/1.1 101"))
      throw refused(answer);
  }

  void append_request(std::string& out, std::span<const event_fields> events) override {
    message_.clear();
    for (const auto& event : events) {
      if (!message_.empty())
        message_ += '\n';
      message_.append(event.x).append(",").append(event.y).append(",");
      message_.append(event.timestamp).append(",").append(event.robot);
    }
    append_masked_frame(out, opcode::text, message_, static_cast<std::uint32_t>(masks_.next()));
  }

  /// The server pings idle peers only, and this one never is.
  std::size_t take_answers(std::string_view& in) override {
    std::size_t answers = 0;
    while (const auto next = read_frame(in)) {
      if (next->kind != opcode::text || !all_ok(next->payload))
        throw refused(std::string(next->payload));
      in.remove_prefix(next->size);
      ++answers;
    }
    return answers;
  }

private:
  std::uint16_t port_;
  random_source masks_;
  std::string message_;
};

} // namespace

std::unique_ptr<peer_protocol> make_upstream_protocol(std::uint16_t port, std::size_t client) {
  return std::make_unique<upstream_protocol>(port, client);
}

} // namespace telemetry::bench
