#pragma once

#include "core/result.hpp"
#include "core/robot_state.hpp"

#include <span>
#include <string_view>

namespace telemetry {

/// The latest state of one robot.
struct named_state {
  std::string_view name; ///< kept alive by the caller
  robot_state state;
};

/// A copy of the latest state of every robot, for other programs (ADR 0019). telemetryd never reads
/// it. Therefore a cache that is away, late or lost does no harm.
///
/// Thread-safety: none. One owner, the cache writer, calls it on its own thread.
/// Blocking: every call except needs_rebuild() waits for the network, within the configured
/// timeouts. Errors: through result<>, mostly errc::unavailable. After an error, try again later.
class state_cache {
public:
  virtual ~state_cache() = default;

  /// Overwrites the states of these robots. On an error some of them may be written; put the same
  /// or newer states again.
  [[nodiscard]] virtual result<void> put(std::span<const named_state> states) = 0;

  /// Whether the cache may lack robots. True at first, and after a call noticed that the server was
  /// restarted, failed over or flushed. Then call begin_rebuild(), put() every robot, and call
  /// end_rebuild().
  [[nodiscard]] virtual bool needs_rebuild() const noexcept = 0;
  [[nodiscard]] virtual result<void> begin_rebuild() = 0;

  /// Marks the cache as complete for its readers. Has no effect if needs_rebuild() is true again.
  [[nodiscard]] virtual result<void> end_rebuild() = 0;
};

} // namespace telemetry
