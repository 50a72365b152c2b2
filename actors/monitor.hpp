#pragma once

#include "actors/engine_context.hpp"

namespace telemetry {

/// MONITOR: watches free space, back-pressure and stalls, and tells the log when they change.
class monitor final : public monitor_actor::base {
public:
  static inline const char* const actor_name = "monitor";

  monitor(caf::actor_config& config, engine_context& context,
          std::function<result<std::uint64_t>()> free_bytes);
  [[nodiscard]] const char* name() const override { return actor_name; }

protected:
  behavior_type make_behavior() override;

private:
  void watch_space();
  void watch_gate();
  void watch_memory();

  engine_context& context_;
  std::function<result<std::uint64_t>()> free_bytes_;
  bool space_is_low_ = false;
  bool back_pressure_ = false;
};

} // namespace telemetry
