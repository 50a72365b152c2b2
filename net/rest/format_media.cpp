#include "net/rest/format_media.hpp"

#include <algorithm>
#include <array>

namespace telemetry::net {
namespace {

constexpr std::array formats{
    event_media{event_format::json, "json", "application/json", "application/json"},
    event_media{event_format::csv, "csv", "text/csv", "text/csv; charset=utf-8; header=present"},
    event_media{event_format::ndjson, "ndjson", "application/x-ndjson", "application/x-ndjson"},
    event_media{event_format::geojson, "geojson", "application/geo+json", "application/geo+json"},
};

consteval bool is_in_order_of_the_enum() {
  for (std::size_t i = 0; i < formats.size(); ++i)
    if (static_cast<std::size_t>(formats[i].format) != i)
      return false;
  return true;
}
static_assert(is_in_order_of_the_enum(), "content_type() uses a format as an index");

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view trim(std::string_view text) noexcept {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos)
    return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string_view take_until(std::string_view& text, char separator) noexcept {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return trim(part);
}

/// A qvalue in thousandths: "0.5" is 500; 0 if it is none, so that the range counts for nothing.
int parse_quality(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1'))
    return 0;
  if (text.size() > 1 && text[1] != '.')
    return 0;
  int value = (text[0] - '0') * 1000;
  int weight = 100;
  for (const char c : text.substr(std::min<std::size_t>(text.size(), 2))) {
    if (c < '0' || c > '9')
      return 0;
    value += (c - '0') * weight;
    weight /= 10;
  }
  return std::min(value, 1000);
}

/// 3: the type itself, 2: "text/*", 1: "*/*", 0: another.
int precision(std::string_view range, std::string_view type) noexcept {
  if (equals_ignoring_case(range, type))
    return 3;
  if (range == "*/*")
    return 1;
  const std::size_t slash = type.find('/') + 1;
  const bool whole_group = range.size() == slash + 1 && range.back() == '*' &&
                           equals_ignoring_case(range.substr(0, slash), type.substr(0, slash));
  return whole_group ? 2 : 0;
}

/// The quality among the parameters behind a name; 1000 if it is not given.
int quality_of(std::string_view parameters) noexcept {
  int quality = 1000;
  while (!parameters.empty()) {
    std::string_view parameter = take_until(parameters, ';');
    if (equals_ignoring_case(take_until(parameter, '='), "q"))
      quality = parse_quality(trim(parameter));
  }
  return quality;
}

/// The old name counts too (RFC 9110, 8.4.1.3).
bool is_gzip(std::string_view coding) noexcept {
  return equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip");
}

/// How much a header wants one type: by its most precise range.
struct preference {
  int quality = 0;
  int precise = 0;
};

preference prefer(std::string_view accept, std::string_view type) noexcept {
  preference best;
  while (!accept.empty()) {
    std::string_view range = take_until(accept, ',');
    const std::string_view name = take_until(range, ';');
    const int precise = precision(name, type);
    if (precise <= best.precise)
      continue;
    best = {quality_of(range), precise};
  }
  return best;
}

} // namespace

std::span<const event_media> all_formats() noexcept { return formats; }

std::string list_of_formats() {
  std::string list;
  for (const event_media& one : formats) {
    if (&one != &formats.front())
      list += &one == &formats.back() ? " or " : ", ";
    list += one.name;
  }
  return list;
}

std::optional<event_format> find_format(std::string_view name) noexcept {
  for (const event_media& one : formats)
    if (one.name == name)
      return one.format;
  return std::nullopt;
}

event_format negotiate(std::string_view accept) noexcept {
  event_format chosen = event_format::json;
  preference best;
  for (const event_media& one : formats) {
    const preference wanted = prefer(accept, one.type);
    const bool better = wanted.quality > best.quality ||
                        (wanted.quality == best.quality && wanted.precise > best.precise);
    if (wanted.quality > 0 && better) {
      chosen = one.format;
      best = wanted;
    }
  }
  return chosen;
}

std::string_view content_type(event_format format) noexcept {
  return formats[static_cast<std::size_t>(format)].content_type;
}

bool accepts_gzip(std::string_view accept_encoding) noexcept {
  std::optional<int> gzip;
  int any = 0;
  int identity = 0;
  while (!accept_encoding.empty()) {
    std::string_view parameters = take_until(accept_encoding, ',');
    const std::string_view coding = take_until(parameters, ';');
    const int quality = quality_of(parameters);
    if (is_gzip(coding))
      gzip = std::max(gzip.value_or(0), quality);
    else if (coding == "*")
      any = quality;
    else if (equals_ignoring_case(coding, "identity"))
      identity = quality;
  }
  const int wanted = gzip.value_or(any);
  return wanted > 0 && wanted >= identity;
}

std::optional<body_coding> find_coding(std::string_view content_encoding) noexcept {
  auto found = body_coding::identity;
  while (!content_encoding.empty()) {
    const std::string_view coding = take_until(content_encoding, ',');
    if (coding.empty() || equals_ignoring_case(coding, "identity"))
      continue;
    if (!is_gzip(coding) || found == body_coding::gzip)
      return std::nullopt;
    found = body_coding::gzip;
  }
  return found;
}

std::string_view essence(std::string_view media_type) noexcept {
  return take_until(media_type, ';');
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char left, char right) { return lower(left) == lower(right); });
}

} // namespace telemetry::net
