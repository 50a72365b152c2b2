#include "bench/macro/peer_protocol.hpp"

#include <charconv>
#include <initializer_list>

namespace telemetry::bench {

namespace {

constexpr std::string_view line_end = "\r\n";

void append_command(std::string& out, std::initializer_list<std::string_view> words) {
  out.append("*").append(std::to_string(words.size())).append(line_end);
  for (const auto word : words)
    out.append("$")
        .append(std::to_string(word.size()))
        .append(line_end)
        .append(word)
        .append(line_end);
}

/// Bytes of the reply at the start of `in`; 0 while it is incomplete. Statuses, integers and
/// strings only: nothing else answers XADD and HSET.
std::size_t size_of_reply(std::string_view in) {
  const auto end = in.find(line_end);
  if (end == std::string_view::npos)
    return 0;
  if (in.front() == '+' || in.front() == ':')
    return end + line_end.size();
  std::size_t text_size = 0;
  if (in.front() != '$' ||
      std::from_chars(in.data() + 1, in.data() + end, text_size).ptr != in.data() + end)
    throw refused(std::string(in.substr(0, end)));
  const auto size = end + 2 * line_end.size() + text_size;
  return in.size() < size ? 0 : size;
}

class redis_protocol final : public peer_protocol {
public:
  /// The id of the entry is the event's timestamp, so that a range of time is a range of ids.
  void append_request(std::string& out, std::span<const event_fields> events) override {
    for (const auto& event : events) {
      id_.assign(event.timestamp).append("-0");
      append_command(out, {"XADD", event.robot, id_, "x", event.x, "y", event.y});
      state_.assign(event.x).append(",").append(event.y).append(",").append(event.timestamp);
      append_command(out, {"HSET", "latest", event.robot, state_});
    }
    replies_per_request_ = 2 * events.size();
  }

  std::size_t take_answers(std::string_view& in) override {
    while (!in.empty()) {
      const auto size = size_of_reply(in);
      if (size == 0)
        break;
      in.remove_prefix(size);
      ++replies_;
    }
    const auto answers = replies_per_request_ == 0 ? 0 : replies_ / replies_per_request_;
    replies_ -= answers * replies_per_request_;
    return answers;
  }

private:
  std::string id_;
  std::string state_;
  std::size_t replies_per_request_ = 0;
  std::size_t replies_ = 0;
};

} // namespace

std::unique_ptr<peer_protocol> make_redis_protocol() { return std::make_unique<redis_protocol>(); }

} // namespace telemetry::bench
