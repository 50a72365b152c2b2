#pragma once

#include "actors/shard_batch.hpp"

#include <absl/container/flat_hash_set.h>
#include <caf/all.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace telemetry {

class robot;

/// A live robot as its shard sees it.
struct robot_slot {
  robot_slot(std::string_view called, std::uint64_t hashed) : name(called), hash(hashed) {}

  const std::string name;
  const std::uint64_t hash;
  caf::actor actor;
  const robot* body = nullptr;      ///< what `actor` points to
  std::uint64_t chain_batch = 0;    ///< batch_no that chain_tail belongs to
  std::uint32_t chain_tail = 0;     ///< latest event of this robot in that batch
  std::uint32_t pins = 0;           ///< batches that are prepared or parked and touch this robot
  std::int64_t last_arrival_ms = 0; ///< of the latest batch that touched it
  std::int64_t last_used_ms = 0;    ///< steady time, for passivation
  bool loading = true;              ///< its row is being fetched
  bool dirty = false;               ///< may hold rows that no checkpoint has taken
  bool taken = false;               ///< rows are out with the checkpointer
  bool awaits_seal = false;         ///< in the shard's queue of unsealed robots
  bool unlisted = false;            ///< the robot table may not have it yet
  bool uncached = false;            ///< the cache writer has not fetched its latest state
  struct parked_events {
    shard_batch_ptr batch;
    std::uint32_t first;
  };
  std::vector<parked_events> parked; ///< while loading, in order (rule 28)

  /// Rule 27.
  [[nodiscard]] bool may_passivate() const {
    return !loading && !dirty && !taken && !awaits_seal && !unlisted && !uncached && pins == 0;
  }
};

/// The live robots of a shard by name: a flat table of pointers, since cache misses are what a
/// look-up costs at 100k robots.
class robot_table {
public:
  [[nodiscard]] robot_slot* find(std::string_view name, std::uint64_t hash) const {
    const auto found = slots_.find(key{name, hash});
    return found == slots_.end() ? nullptr : *found;
  }

  robot_slot& insert(std::string_view name, std::uint64_t hash) {
    auto* slot = new robot_slot(name, hash);
    slots_.insert(slot);
    return *slot;
  }

  void erase(robot_slot& slot) {
    slots_.erase(&slot);
    delete &slot;
  }

  void clear() {
    for (auto* slot : slots_)
      delete slot;
    slots_.clear();
  }

  /// Calls `visit(slot)` for every live robot, in no order; it must not insert or erase.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (auto* slot : slots_)
      visit(*slot);
  }

  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }

  robot_table() = default;
  robot_table(const robot_table&) = delete;
  robot_table& operator=(const robot_table&) = delete;
  ~robot_table() { clear(); }

private:
  struct key {
    std::string_view name;
    std::uint64_t hash;
  };
  struct hasher {
    using is_transparent = void;
    std::size_t operator()(const robot_slot* slot) const noexcept { return slot->hash; }
    std::size_t operator()(const key& what) const noexcept { return what.hash; }
  };
  struct equal {
    using is_transparent = void;
    bool operator()(const robot_slot* a, const robot_slot* b) const noexcept { return a == b; }
    bool operator()(const robot_slot* a, const key& b) const noexcept {
      return a->hash == b.hash && a->name == b.name;
    }
    bool operator()(const key& a, const robot_slot* b) const noexcept { return (*this)(b, a); }
  };
  absl::flat_hash_set<robot_slot*, hasher, equal> slots_;
};

} // namespace telemetry
