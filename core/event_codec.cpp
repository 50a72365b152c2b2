#include "core/event_codec.hpp"

#include "core/name_fault.hpp"

#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

namespace telemetry {
namespace {

static_assert(std::endian::native == std::endian::little, "stored bytes are little-endian");
static_assert(name_bytes_max <= UINT16_MAX);

template <class T>
char* put(char* to, T value) noexcept {
  std::memcpy(to, &value, sizeof value);
  return to + sizeof value;
}

template <class T>
T take(const char*& from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  from += sizeof value;
  return value;
}

/// Whether parse_line() can return this coordinate: finite, at most 1e15 in magnitude, not -0.
bool is_legal(double coordinate) noexcept {
  return std::abs(coordinate) <= coordinate_max && !(coordinate == 0 && std::signbit(coordinate));
}

} // namespace

void encode_event(std::string& out, const event_view& event) {
  assert(detail::name_fault(event.robot).empty());
  char buffer[encoded_size(name_bytes_max)];
  char* end = put(buffer, static_cast<std::uint16_t>(event.robot.size()));
  std::memcpy(end, event.robot.data(), event.robot.size());
  end = put(end + event.robot.size(), event.timestamp);
  end = put(end, event.at.x);
  end = put(end, event.at.y);
  out.append(buffer, end);
}

event_view read_encoded_event(const char* bytes) noexcept {
  const std::size_t name_bytes = take<std::uint16_t>(bytes);
  event_view event;
  event.robot = {bytes, name_bytes};
  bytes += name_bytes;
  event.timestamp = take<timestamp_ms>(bytes);
  event.at.x = take<double>(bytes);
  event.at.y = take<double>(bytes);
  return event;
}

std::optional<event_view> decode_event(std::string_view& bytes) noexcept {
  if (bytes.size() < encoded_size(0)) {
    return std::nullopt;
  }
  const char* size_at = bytes.data();
  const std::size_t name_bytes = take<std::uint16_t>(size_at);
  if (bytes.size() < encoded_size(name_bytes)) {
    return std::nullopt;
  }
  const event_view event = read_encoded_event(bytes.data());
  const bool legal = event.timestamp >= 0 && event.timestamp <= timestamp_max &&
                     is_legal(event.at.x) && is_legal(event.at.y) &&
                     detail::name_fault(event.robot).empty();
  if (!legal) {
    return std::nullopt;
  }
  bytes.remove_prefix(encoded_size(name_bytes));
  return event;
}

} // namespace telemetry
