#pragma once

#include "actors/engine_context.hpp"

#include <optional>

namespace telemetry {

/// WATCHDOG: checks free space, back-pressure, stalls and damaged rows once a second, and logs
/// their changes. It sets engine_context::disk_is_full, and has producers closed after a stall. It
/// keeps no metrics; there are none yet (docs/ARCHITECTURE.md, "Operator addresses").
class watchdog final : public watchdog_actor::base {
public:
  static inline const char* const actor_name = "watchdog";

  watchdog(caf::actor_config& config, engine_context& context,
           std::function<result<std::uint64_t>()> free_bytes);
  [[nodiscard]] const char* name() const override { return actor_name; }

protected:
  behavior_type make_behavior() override;

private:
  /// A part that may stop answering: the journal, the store or the shards.
  struct watched {
    const char* what;
    const char* silent_text;                       ///< log message
    const char* again_text;                        ///< log message
    std::optional<std::int64_t> silent_since_ms{}; ///< set while the log says that it is silent
  };

  void watch_space();
  void watch_credit();
  [[nodiscard]] const char* what_fills_memory() const;
  void watch_answers();
  void tell_silence(watched& one, storage_health::answering now) const;
  void watch_memory();
  void watch_damage();

  engine_context& context_;
  std::function<result<std::uint64_t>()> free_bytes_;
  bool space_is_low_ = false;
  bool back_pressure_ = false;
  std::optional<std::int64_t> damage_told_ms_; ///< steady time of the last line about damaged rows
  watched journal_{"the journal", "journal does not answer: no event is answered until it does",
                   "journal answers again"};
  watched store_{"the store", "store does not answer: reads fail and memory fills up until it does",
                 "store answers again"};
  watched shards_{"a shard", "a shard does not answer: nothing leaves memory until it does",
                  "shards answer again"};
};

} // namespace telemetry
