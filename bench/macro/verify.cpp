#include "bench/macro/verify.hpp"

#include "bench/macro/http_client.hpp"
#include "bench/macro/producer.hpp"

#include <bit>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace telemetry::bench {

namespace {

/// Takes the text after the next `"key":` up to `,` or `}`; moves `list` behind it. Enough for
/// objects in the fixed key order of PROTOCOL.md §4 with plain ASCII names.
std::string_view take(std::string_view& list, std::string_view key) {
  const auto quoted = '"' + std::string(key) + "\":";
  const auto at = list.find(quoted);
  if (at == std::string_view::npos)
    throw std::runtime_error("the robot list lacks " + std::string(key));
  list.remove_prefix(at + quoted.size());
  return list.substr(0, list.find_first_of(",}"));
}

template <class T>
T to(std::string_view text) {
  T value{};
  std::from_chars(text.begin(), text.end(), value);
  return value;
}

struct listed_robot {
  std::string_view name;
  robot_state state{};
};

listed_robot take_robot(std::string_view& list) {
  listed_robot robot{};
  robot.state.events = to<std::uint64_t>(take(list, "events"));
  robot.state.timestamp = to<std::int64_t>(take(list, "last_timestamp"));
  robot.state.x = to<double>(take(list, "last_x"));
  robot.state.y = to<double>(take(list, "last_y"));
  robot.name = take(list, "name");
  robot.name = robot.name.substr(1, robot.name.size() - 2);
  robot.state.odometer = to<double>(take(list, "odometer"));
  take(list, "updated_time");
  return robot;
}

bool same(const listed_robot& listed, const robot_state& expected) {
  return listed.state.events == expected.events && listed.state.timestamp == expected.timestamp &&
         listed.state.x == expected.x && listed.state.y == expected.y &&
         std::bit_cast<std::uint64_t>(listed.state.odometer) ==
             std::bit_cast<std::uint64_t>(expected.odometer);
}

std::string describe(std::string_view name, std::uint64_t events, double odometer,
                     const robot_state& expected) {
  char text[160];
  std::snprintf(text, sizeof text, ": %llu events, odometer %.17g; expected %llu and %.17g",
                static_cast<unsigned long long>(events), odometer,
                static_cast<unsigned long long>(expected.events), expected.odometer);
  return std::string(name) + text;
}

} // namespace

verification verify(const server_port& port, const fleet& expected) {
  http_client client(port);
  const auto start = now_ns();
  auto list = client.get("/api/robots");
  verification found;
  found.list_ms = static_cast<double>(now_ns() - start) / 1e6;
  found.list_bytes = list.size();
  const auto& robots = expected.robots();
  std::vector<bool> seen(robots.size());
  const auto differs = [&found](std::string text) {
    if (found.robots_wrong++ == 0)
      found.first_difference = std::move(text);
  };
  while (list.find("\"events\"") != std::string_view::npos) {
    const auto listed = take_robot(list);
    const auto index = expected.index_of(listed.name);
    if (index == robots.size())
      continue;
    if (!seen[index] && same(listed, robots[index]))
      ++found.robots_right;
    else
      differs(describe(listed.name, listed.state.events, listed.state.odometer, robots[index]));
    seen[index] = true;
  }
  for (std::size_t i = 0; i < robots.size(); ++i)
    if (!seen[i] && robots[i].events > 0)
      differs(describe("robot number " + std::to_string(i), 0, 0, robots[i]));
  return found;
}

} // namespace telemetry::bench
