#include "net/http_head_scanner.hpp"

#include "net/http_token.hpp"

namespace telemetry::net {

head_scanner::state head_scanner::scan(std::string_view received) noexcept {
  // A lone carriage return may become an empty line, which the session drops.
  if (!received.empty() && received != "\r" && !is_token_char(received.front()))
    return state::malformed; // e.g. TLS, whose client sends no empty line but waits for an answer
  const auto within = received.substr(0, head_bytes_max);
  while (true) {
    const auto end = within.find("\r\n", scanned_);
    if (end == std::string_view::npos) {
      // A carriage return at the end may be half of a line's end.
      scanned_ = within.ends_with('\r') ? within.size() - 1 : within.size();
      return within.size() == head_bytes_max ? state::too_large : state::partial;
    }
    const auto line = within.substr(line_, end - line_);
    const bool is_first = line_ == 0;
    line_ = scanned_ = end + 2;
    if (line.empty() && !is_first)
      return state::whole;
    // A line that begins with white space continues the field before it (obs-fold).
    if (!is_first && line.front() != ' ' && line.front() != '\t' && ++fields_ > head_fields_max)
      return state::too_large;
  }
}

} // namespace telemetry::net
