#pragma once

#include "actors/robot_table.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace telemetry {

[[nodiscard]] inline bool by_name(const robot_slot* a, const robot_slot* b) noexcept {
  return a->name < b->name;
}

/// Robots of a shard that the robot table may not have yet, for lists. They are sorted only when a
/// list needs them, because a million may be added at once and lists are rare.
/// Thread-safety: none.
class unlisted_robots {
public:
  /// Adds a robot. @pre it was not added before. `slot` must live until forget_listed() removes it.
  void add(robot_slot& slot) {
    slot.unlisted = true;
    slots_.push_back(&slot);
  }

  /// Removes all robots that are not `unlisted` any more.
  void forget_listed() {
    const auto middle = slots_.begin() + static_cast<std::ptrdiff_t>(sorted_);
    const auto listed = [](const robot_slot* slot) { return !slot->unlisted; };
    const auto sorted_end = std::remove_if(slots_.begin(), middle, listed);
    const auto end = std::remove_if(middle, slots_.end(), listed);
    sorted_ = static_cast<std::size_t>(sorted_end - slots_.begin());
    slots_.erase(std::move(middle, end, sorted_end), slots_.end());
  }

  /// Calls `visit(slot)` for each robot with a name above `name`, in order of names, until it
  /// returns false.
  template <class Visit>
  void for_each_above(std::string_view name, Visit visit) {
    sort();
    auto next = std::upper_bound(slots_.begin(), slots_.end(), name,
                                 [](std::string_view a, const auto* b) { return a < b->name; });
    while (next != slots_.end() && visit(**next))
      ++next;
  }

private:
  void sort() {
    const auto middle = slots_.begin() + static_cast<std::ptrdiff_t>(sorted_);
    std::sort(middle, slots_.end(), by_name);
    std::inplace_merge(slots_.begin(), middle, slots_.end(), by_name);
    sorted_ = slots_.size();
  }

  std::vector<robot_slot*> slots_;
  std::size_t sorted_ = 0; ///< number of slots at the front that are sorted
};

} // namespace telemetry
