#include "net/rest/http_target.hpp"

#include <optional>

namespace telemetry::net {
namespace {

constexpr char hex_digits[] = "0123456789ABCDEF";

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

void append_escape(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += hex_digits[byte >> 4];
  out += hex_digits[byte & 15];
}

/// @param plus the character that a '+' stands for: '+' in a path, a space in a query.
std::optional<std::string> percent_decode(std::string_view text, char plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? plus : text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0)
      return std::nullopt;
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return out;
}

/// Removes the part up to `separator`, and the separator, from the front of `text`.
/// @returns the part.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

/// Turns "http://host/path" into "/path", and a URI without a path into "/". Other forms stay as
/// they are.
std::string_view origin_form(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (target.empty() || target.front() == '/' || scheme == std::string_view::npos)
    return target;
  const std::size_t end = target.find_first_of("/?", scheme + 3);
  const bool has_path = end != std::string_view::npos && target[end] == '/';
  return has_path ? target.substr(end) : std::string_view("/");
}

failure bad_escape(std::string_view where) {
  return {errc::malformed,
          std::string("the ").append(where).append(" has a '%' that no two hex digits follow")};
}

bool is_dots(std::string_view segment) noexcept { return segment == "." || segment == ".."; }

failure dot_segment(std::string_view segment) {
  return {errc::malformed,
          std::string("the path has the segment '")
              .append(segment)
              .append("', which proxies take out; name such a robot in the query: "
                      "/api/robots?name=, /api/events?robot=, /api/odometer?robot=")};
}

} // namespace

result<http_target> parse_target(std::string_view target) {
  target = origin_form(target);
  if (target.empty() || target.front() != '/')
    return failure{errc::malformed, "the request target must be a path"};
  std::string_view rest = target;
  std::string_view path = take_until(rest, '?');
  http_target parsed;
  while (!path.empty()) { // at the '/' in front of the next segment
    path.remove_prefix(1);
    const std::size_t end = path.find('/');
    const std::string_view raw = path.substr(0, end);
    if (is_dots(raw))
      return dot_segment(raw);
    auto segment = percent_decode(raw, '+');
    if (!segment)
      return bad_escape("path");
    parsed.path.push_back(*std::move(segment));
    path.remove_prefix(end == std::string_view::npos ? path.size() : end);
  }
  while (!rest.empty()) {
    std::string_view pair = take_until(rest, '&');
    if (pair.empty())
      continue;
    auto key = percent_decode(take_until(pair, '='), ' ');
    auto value = percent_decode(pair, ' ');
    if (!key || !value)
      return bad_escape("query");
    parsed.query.emplace_back(*std::move(key), *std::move(value));
  }
  return parsed;
}

void append_percent_encoded(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (is_unreserved(c))
      out += c;
    else
      append_escape(out, c);
  }
}

void append_segment(std::string& out, std::string_view name) {
  if (!is_dots(name))
    return append_percent_encoded(out, name);
  for (const char c : name)
    append_escape(out, c);
}

std::string instance_of(std::string_view target) {
  std::string_view path = origin_form(target);
  path = path.substr(0, path.find('?'));
  std::string out;
  for (const char c : path) {
    if (c > ' ' && c < 0x7f)
      out += c;
    else
      append_escape(out, c);
  }
  return out.empty() ? "/" : out;
}

} // namespace telemetry::net
