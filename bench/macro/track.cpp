#include "bench/macro/track.hpp"

#include <charconv>
#include <fstream>
#include <stdexcept>
#include <string_view>

namespace telemetry::bench {

namespace {

constexpr std::size_t text_bytes_max = 128;

/// Takes a number and the comma after it. @returns whether they are there.
template <class T>
bool take(std::string_view& line, T& value) {
  const auto read = std::from_chars(line.begin(), line.end(), value);
  if (read.ec != std::errc{} || read.ptr == line.end() || *read.ptr != ',')
    return false;
  line = line.substr(static_cast<std::size_t>(read.ptr - line.begin()) + 1);
  return true;
}

} // namespace

track track::read(const std::string& path) {
  track out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    point next{};
    std::string_view rest(line);
    const bool has_place = take(rest, next.x) && take(rest, next.y);
    next.text = line.substr(0, line.size() - rest.size());
    const bool is_later = has_place && next.text.size() <= text_bytes_max &&
                          take(rest, next.timestamp) && next.timestamp >= 0 &&
                          (out.points_.empty() || next.timestamp > out.points_.back().timestamp);
    if (!is_later)
      throw std::runtime_error(path + ": line " + std::to_string(out.points_.size() + 1) +
                               " is no event after the one before");
    out.points_.push_back(std::move(next));
  }
  if (out.points_.size() < 2)
    throw std::runtime_error(path + " has fewer than 2 events");
  const auto& last = out.points_.back();
  out.lap_ms_ = 2 * last.timestamp - out.points_[out.points_.size() - 2].timestamp -
                out.points_.front().timestamp;
  return out;
}

} // namespace telemetry::bench
