#include "storage/redis/redis_cache.hpp"

#include "core/number.hpp"
#include "storage/redis/redis_text.hpp"

#include <algorithm>
#include <chrono>

namespace telemetry::redis {
namespace {

/// Robots per round trip. Limits the memory of a pipeline on both sides, at about 200 bytes each.
constexpr std::size_t piece_robots = 500;

} // namespace

redis_cache::redis_cache(const redis_options& options)
    : robot_key_(options.prefix + ":robot:"), names_key_(options.prefix + ":robots"),
      cache_key_(options.prefix + ":cache"), session_(options, [this](redis_session& session) {
        // Without a run id the server may be a different one on each connection.
        if (session.run_id().empty() || session.run_id() != known_run_id_)
          needs_rebuild_ = true;
        known_run_id_ = session.run_id();
        return result<void>{};
      }) {}

result<void> redis_cache::put(std::span<const named_state> states) {
  while (!states.empty()) {
    const auto piece = states.first(std::min(states.size(), piece_robots));
    if (result<void> done = put_piece(piece); !done)
      return done;
    states = states.subspan(piece.size());
  }
  return {};
}

result<void> redis_cache::put_piece(std::span<const named_state> states) {
  commands_.clear();
  commands_.command({"HGET", cache_key_, "generation"});
  for (const named_state& robot : states)
    add(robot);
  commands_.begin(2 + 2 * states.size()).add("ZADD").add(names_key_);
  for (const named_state& robot : states)
    commands_.add(robot.state.last_timestamp).add(robot.name);
  const auto replies = session_.run(commands_);
  if (!replies)
    return replies.error();
  if (value_of(replies->front()).text() != generation_)
    needs_rebuild_ = true; // Redis was flushed, or went back to an older state
  return all_done(*replies, session_.where() + ": writing states");
}

void redis_cache::add(const named_state& robot) {
  for (std::string* text : {&x_, &y_, &odometer_, &time_})
    text->clear();
  key_.assign(robot_key_).append(robot.name);
  append_double(x_, robot.state.last.x);
  append_double(y_, robot.state.last.y);
  append_double(odometer_, robot.state.odometer);
  append_utc_time(time_, robot.state.updated);
  commands_.begin(14).add("HSET").add(key_);
  commands_.add("x").add(x_).add("y").add(y_);
  commands_.add("timestamp").add(robot.state.last_timestamp);
  commands_.add("odometer").add(odometer_);
  commands_.add("events").add(robot.state.events);
  commands_.add("updated_time").add(time_);
}

result<void> redis_cache::begin_rebuild() {
  needs_rebuild_ = true;
  generation_ = random_token();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::string time;
  append_utc_time(time, std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  const auto reply = session_.ask(
      {"HSET", cache_key_, "state", "rebuilding", "since", time, "generation", generation_});
  if (!reply)
    return reply.error();
  needs_rebuild_ = false;
  return {};
}

result<void> redis_cache::end_rebuild() {
  if (needs_rebuild_)
    return {};
  // Only if our generation is still there, because a plain HSET would create the key after a flush.
  constexpr std::string_view script = R"lua(
    if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[1] then return 0 end
    redis.call('HSET', KEYS[1], 'state', 'complete')
    return 1)lua";
  redis_pipeline command;
  command.command({"EVAL", script, "1", cache_key_, generation_});
  const auto reply = session_.ask(command, "completing the cache");
  if (!reply)
    return reply.error();
  if (value_of(*reply).number() != 1U)
    needs_rebuild_ = true;
  return {};
}

} // namespace telemetry::redis
