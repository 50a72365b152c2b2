#include "bench/macro/peer_protocol.hpp"

namespace telemetry::bench {

namespace {

class line_protocol final : public peer_protocol {
public:
  explicit line_protocol(std::uint16_t port)
      : head_("POST /write?db=telemetry&precision=ms HTTP/1.1\r\nHost: 127.0.0.1:" +
              std::to_string(port) + "\r\nContent-Type: text/plain\r\nContent-Length: ") {}

  void append_request(std::string& out, std::span<const event_fields> events) override {
    body_.clear();
    for (const auto& event : events)
      body_.append("position,robot=")
          .append(event.robot)
          .append(" x=")
          .append(event.x)
          .append(",y=")
          .append(event.y)
          .append(" ")
          .append(event.timestamp)
          .append("\n");
    out.append(head_).append(std::to_string(body_.size())).append("\r\n\r\n").append(body_);
  }

  /// Success is 204, which has no body.
  std::size_t take_answers(std::string_view& in) override {
    constexpr std::string_view success = "HTTP/1.1 204 ";
    constexpr std::string_view end = "\r\n\r\n";
    std::size_t answers = 0;
    for (auto at = in.find(end); at != std::string_view::npos; at = in.find(end)) {
      if (!in.starts_with(success))
        throw refused(std::string(in.substr(0, 500)));
      in.remove_prefix(at + end.size());
      ++answers;
    }
    return answers;
  }

private:
  std::string head_;
  std::string body_;
};

} // namespace

std::unique_ptr<peer_protocol> make_line_protocol(std::uint16_t port) {
  return std::make_unique<line_protocol>(port);
}

} // namespace telemetry::bench
