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

/// A copy of the latest state of every robot for other programs. Nothing in telemetryd reads it;
/// it may be away, behind, or lost without harm.
///
/// Thread-safety: none. One owner, the cache writer, calls it on its own thread.
/// Blocking: every call but needs_rebuild() waits for the network, within the timeouts it was
/// given. Errors: errc::unavailable and the like through result<>; after one try again later.
class state_cache {
public:
  virtual ~state_cache() = default;

  /// Overwrites the states of these robots. On an error some may be written: put them, or newer
  /// ones, again.
  [[nodiscard]] virtual result<void> put(std::span<const named_state> states) = 0;

  /// The cache may lack robots that were put: at first, and once put() or begin_rebuild() saw that
  /// the server was restarted, failed over or flushed. Then call begin_rebuild(), put() every robot
  /// and call end_rebuild().
  [[nodiscard]] virtual bool needs_rebuild() const noexcept = 0;
  [[nodiscard]] virtual result<void> begin_rebuild() = 0;

  /// Tells readers that every robot is in. Does nothing if needs_rebuild() is true again.
  [[nodiscard]] virtual result<void> end_rebuild() = 0;
};

} // namespace telemetry
