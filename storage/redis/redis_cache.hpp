#pragma once

#include "storage/redis/redis_session.hpp"
#include "storage/state_cache.hpp"

#include <memory>
#include <string>

namespace telemetry::redis {

/// The cache as keys for other programs and redis-cli (docs/formats.md, "Redis cache"):
///
///     PREFIX:robot:NAME   hash: x, y, timestamp, odometer, events, updated_time
///     PREFIX:robots       sorted set: names, by timestamp of the latest event
///     PREFIX:cache        hash: state ("rebuilding": robots may be missing; "complete"), since
///                         (UTC), generation (of the last rebuild)
///
/// Numbers and times are written as in REST. updated_time is the wall time at which the latest
/// stored event arrived; it is there also if the robot has only one event. Names are never removed.
/// Examples:
///
///     redis-cli HGETALL telemetryd:robot:rover
///     redis-cli ZREVRANGE telemetryd:robots 0 9 WITHSCORES     the ten latest
///     redis-cli ZRANGEBYSCORE telemetryd:robots 1700000000000 +inf
///
/// A robot is written by one HSET, so that readers never see half of a state. Only one telemetryd
/// may use a prefix. Like state_cache.
class redis_cache final : public state_cache {
public:
  /// Does not connect yet.
  explicit redis_cache(const redis_options& options);

  /// Connects, as a check at start. All other calls connect if necessary. Blocks.
  /// @returns as redis_session::connect().
  [[nodiscard]] result<void> connect() { return session_.connect(); }

  result<void> put(std::span<const named_state> states) override;
  bool needs_rebuild() const noexcept override { return needs_rebuild_; }
  result<void> begin_rebuild() override;
  result<void> end_rebuild() override;

private:
  [[nodiscard]] result<void> put_piece(std::span<const named_state> states);
  void add(const named_state& robot);

  std::string robot_key_; ///< without the name
  std::string names_key_;
  std::string cache_key_;
  std::string generation_;   ///< of our last rebuild
  std::string known_run_id_; ///< of the server of the latest connection
  bool needs_rebuild_ = true;
  redis_pipeline commands_;             ///< reused buffer
  std::string key_;                     ///< reused buffer
  std::string x_, y_, odometer_, time_; ///< reused buffers
  redis_session session_;
};

} // namespace telemetry::redis
