#include "bench/macro/fleet.hpp"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace telemetry::bench {

namespace {

constexpr std::int32_t edge_cm = 999'999;
constexpr std::int32_t step_cm = 200;
constexpr std::size_t name_digits = 6;
constexpr std::int64_t fall_step_ms = 1'000;

char* put_digits(char* out, std::uint64_t value) { return std::to_chars(out, out + 20, value).ptr; }

char* put_centimetres(char* out, std::int32_t cm) {
  if (cm < 0)
    *out++ = '-';
  const auto magnitude = static_cast<std::uint32_t>(std::abs(cm));
  out = put_digits(out, magnitude / 100);
  *out++ = '.';
  *out++ = static_cast<char>('0' + magnitude / 10 % 10);
  *out++ = static_cast<char>('0' + magnitude % 10);
  return out;
}

char* put_name(char* out, std::string_view prefix, std::uint32_t index) {
  out += prefix.copy(out, prefix.size());
  for (auto digit = name_digits; digit-- > 0; index /= 10)
    out[digit] = static_cast<char>('0' + index % 10);
  return out + name_digits;
}

std::int32_t reflected(std::int32_t cm) {
  if (cm > edge_cm)
    return 2 * edge_cm - cm;
  return cm < -edge_cm ? -2 * edge_cm - cm : cm;
}

void arrive(robot_state& robot, double x, double y) {
  const auto dx = x - robot.x;
  const auto dy = y - robot.y;
  if (robot.events++ > 0)
    robot.odometer += std::sqrt(dx * dx + dy * dy);
  robot.x = x;
  robot.y = y;
}

} // namespace

fleet::fleet(fleet_options options) : options_(std::move(options)) {
  if (options_.lanes == 0 || options_.lanes > options_.robots || options_.robots > 1'000'000 ||
      options_.prefix.size() > 64)
    throw std::invalid_argument("1 <= connections <= robots <= 1000000, prefix up to 64 bytes");
  if (options_.falling == 0 || (options_.falling > 1 && options_.replay))
    throw std::invalid_argument("timestamps fall for 1 event at least, and not on a track");
  if (options_.falling > 1)
    falls_.resize(options_.robots);
  random_source random(options_.seed);
  robots_.resize(options_.robots, {.timestamp = epoch_ms});
  for (std::size_t i = 0; i < options_.robots; ++i)
    places_.push_back({static_cast<std::int32_t>(random.below(edge_cm)) - edge_cm / 2,
                       static_cast<std::int32_t>(random.below(edge_cm)) - edge_cm / 2});
  for (std::size_t lane = 0; lane < options_.lanes; ++lane) {
    lanes_.push_back({random_source(random.next()), {}});
    for (auto i = lane; i < options_.robots; i += options_.lanes)
      lanes_.back().order.push_back(static_cast<std::uint32_t>(i));
  }
}

std::uint32_t fleet::pick(lane_state& lane) {
  if (lane.next == lane.order.size())
    lane.next = 0;
  const auto place = lane.next++;
  // One step of Fisher-Yates per event: every pass over the robots has an order of its own.
  if (options_.order == robot_order::shuffled)
    std::swap(lane.order[place], lane.order[place + lane.random.below(lane.order.size() - place)]);
  return lane.order[place];
}

/// Moves a robot; writes `x,y,`. `random` gives both steps and the time between the events (900 to
/// 1099 ms).
char* fleet::walk(std::uint32_t index, std::uint64_t random, char* out) {
  const auto part = [random](unsigned shift, std::uint64_t bound) {
    return static_cast<std::int32_t>(((random >> shift & 0xffff) * bound) >> 16);
  };
  auto& place = places_[index];
  place.x = reflected(place.x + part(0, 2 * step_cm + 1) - step_cm);
  place.y = reflected(place.y + part(16, 2 * step_cm + 1) - step_cm);
  if (falls_.empty()) {
    auto& robot = robots_[index];
    robot.timestamp += 900 + part(32, 200);
    arrive(robot, place.x / 100.0, place.y / 100.0);
  }
  out = put_centimetres(out, place.x);
  *out++ = ',';
  out = put_centimetres(out, place.y);
  *out++ = ',';
  return out;
}

/// Adds the place of a robot to its fall. @returns the timestamp there.
std::int64_t fleet::fall(std::uint32_t index) {
  auto& places = falls_[index];
  const auto base = robots_[index].timestamp;
  places.push_back(places_[index]);
  const auto steps = static_cast<std::int64_t>(options_.falling - places.size() + 1);
  if (places.size() == options_.falling)
    fold_fall(index);
  return base + steps * fall_step_ms;
}

/// Folds a fall in the order of time. Its highest timestamp is that of its first event.
void fleet::fold_fall(std::uint32_t index) {
  auto& places = falls_[index];
  if (places.empty())
    return;
  auto& robot = robots_[index];
  for (auto at = places.rbegin(); at != places.rend(); ++at)
    arrive(robot, at->x / 100.0, at->y / 100.0);
  robot.timestamp += static_cast<std::int64_t>(options_.falling) * fall_step_ms;
  places.clear();
}

void fleet::finish() {
  for (std::uint32_t index = 0; index < falls_.size(); ++index)
    fold_fall(index);
}

/// The same on the track.
char* fleet::replay(std::uint32_t index, char* out) {
  auto& robot = robots_[index];
  const auto& at = options_.replay->at(index, robot.events);
  robot.timestamp = options_.replay->timestamp(index, robot.events);
  arrive(robot, at.x, at.y);
  return out + at.text.copy(out, at.text.size());
}

void fleet::append_event(std::size_t lane, std::string& out) {
  auto& state = lanes_[lane];
  const auto index = pick(state);
  const auto random = state.random.next();
  char line[256];
  auto* end = options_.replay ? replay(index, line) : walk(index, random, line);
  const auto timestamp = falls_.empty() ? robots_[index].timestamp : fall(index);
  end = put_digits(end, static_cast<std::uint64_t>(timestamp));
  *end++ = ',';
  end = put_name(end, options_.prefix, index);
  out.append(line, end);
}

std::size_t fleet::index_of(std::string_view name) const {
  const auto& prefix = options_.prefix;
  std::size_t index = 0;
  if (name.size() != prefix.size() + name_digits || !name.starts_with(prefix))
    return robots_.size();
  const auto digits = name.substr(prefix.size());
  const auto read = std::from_chars(digits.begin(), digits.end(), index);
  const bool whole = read.ec == std::errc{} && read.ptr == digits.end();
  return whole && index < robots_.size() ? index : robots_.size();
}

} // namespace telemetry::bench
