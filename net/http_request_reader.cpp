#include "net/http_request_reader.hpp"

#include "net/memory_budget.hpp"

#include <strings.h>

#include <iterator>
#include <limits>

namespace telemetry::net {

namespace http = boost::beast::http;

namespace {

/// Bytes of memory that a parsed field takes beside its text.
constexpr std::size_t field_bytes = 64;

constexpr read_fault head_too_large{431, "the request's header is too large"};
constexpr read_fault malformed{400, "the request is not well-formed HTTP/1.1"};
constexpr read_fault trailer_too_large{431, "the trailers of the body are too large"};

} // namespace

http_request_reader::http_request_reader(std::size_t body_bytes_max)
    : body_bytes_max_(body_bytes_max) {
  start();
}

void http_request_reader::start() {
  drop_empty_lines();
  wipe_front(buffer_, std::exchange(taken_, 0));
  if (buffer_.empty() && buffer_.capacity() > idle_buffer_bytes_max)
    buffer_ = {};
  scanner_ = {};
  head_bytes_ = 0;
  parser_.emplace();
  parser_->header_limit(head_bytes_max);
  parser_->body_limit(
      std::numeric_limits<std::uint64_t>::max()); // the session compares body_size()
  body_ = {};
  is_in_body_ = false;
}

void http_request_reader::receive(std::string_view bytes) {
  if (is_in_body_ && !begun()) // without a copy
    bytes.remove_prefix(body_.take(bytes));
  wipe_front(buffer_, std::exchange(taken_, 0));
  buffer_ += bytes;
}

/// Empty lines do not begin a request, so a client that sends only these counts as silent.
void http_request_reader::drop_empty_lines() {
  while (received().starts_with("\r\n"))
    take(2);
}

// Waits for a whole head, because Beast bounds only a head that arrives in one piece.
http_request_reader::progress http_request_reader::read_head() {
  drop_empty_lines();
  switch (scanner_.scan(received())) {
  case head_scanner::state::partial:
    return progress::partial;
  case head_scanner::state::whole:
    return parse_head();
  case head_scanner::state::too_large:
    return fail(head_too_large);
  case head_scanner::state::malformed:
    return fail(malformed);
  }
  return progress::partial;
}

http_request_reader::progress http_request_reader::parse_head() {
  boost::beast::error_code error;
  take(parser_->put(boost::asio::buffer(received().data(), scanner_.bytes()), error));
  if (error == http::error::need_more) // Beast finds another end than the scanner
    return fail(malformed);
  if (error)
    return fail(fault_of(error).value_or(malformed));
  join_list_fields(head());
  const auto fields = static_cast<std::size_t>(std::distance(head().begin(), head().end()));
  head_bytes_ = scanner_.bytes() + fields * field_bytes;
  return progress::whole;
}

void http_request_reader::forget_credentials() noexcept {
  auto& fields = head();
  bool has_some = false;
  for (auto at = fields.begin(); at != fields.end();) {
    if (at->name() != http::field::authorization) {
      ++at;
      continue;
    }
    has_some = true;
    ::explicit_bzero(const_cast<char*>(at->value().data()), at->value().size());
    at = fields.erase(at);
  }
  if (has_some)
    ::explicit_bzero(buffer_.data() + (taken_ - scanner_.bytes()), scanner_.bytes());
}

void http_request_reader::begin_body() {
  body_ = parser_->chunked() ? http_body_reader::chunked(body_bytes_max_)
                             : http_body_reader::with_length(parser_->content_length().value_or(0));
  is_in_body_ = true;
}

http_request_reader::progress http_request_reader::read_body() {
  take(body_.take(received()));
  switch (body_.status()) {
  case http_body_reader::state::partial:
    return progress::partial;
  case http_body_reader::state::whole:
    return progress::whole;
  case http_body_reader::state::malformed:
    return fail(malformed);
  case http_body_reader::state::too_large:
    return fail(body_too_large);
  case http_body_reader::state::trailer_too_large:
    return fail(trailer_too_large);
  }
  return progress::partial;
}

http_request_reader::progress http_request_reader::fail(const read_fault& why) noexcept {
  fault_ = why;
  return progress::faulty;
}

} // namespace telemetry::net
