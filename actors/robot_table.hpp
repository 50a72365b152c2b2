#pragma once

#include "actors/engine_options.hpp"
#include "actors/messages.hpp"
#include "actors/shard_batch.hpp"

#include <absl/container/flat_hash_map.h>
#include <caf/all.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telemetry {

class robot;

/// A shard's record of a robot in memory. The members that a batch touches come first, in two cache
/// lines.
struct alignas(64) robot_slot {
  robot_slot(std::string_view called, std::uint64_t hashed) : name(called), hash(hashed) {}

  const std::string name;
  std::uint64_t chain_batch = 0; ///< batch_no that chain_tail belongs to
  robot* body = nullptr;         ///< the robot object of `actor`
  std::uint32_t chain_tail = 0;  ///< latest event of this robot in that batch
  std::uint32_t pins = 0;        ///< batches that are prepared or parked and touch this robot
  bool loading = true;           ///< its row is being fetched
  bool dirty = false;            ///< may hold rows that no checkpoint has taken
  bool taken = false;            ///< the checkpointer has rows of it
  bool awaits_seal = false;      ///< in the shard's queue of unsealed robots
  bool unlisted = false;         ///< the robot table may not have it yet
  bool uncached = false;         ///< the cache writer has not fetched its latest state
  bool damaged = false;          ///< its row in the robot table is damaged; `loading` stays
  bool left_out = false; ///< of the last checkpoint: its stored rows are damaged; `taken` stays
  std::int64_t last_arrival_ms = 0; ///< of the latest batch that touched it
  std::int64_t last_used_ms = 0;    ///< steady time, for passivation
  const std::uint64_t hash;
  robot_slot* same_hash = nullptr; ///< the next robot whose name has this hash
  robot_actor actor;
  std::vector<parked_event> parked; ///< while loading, in order (rule 28)

  /// Tells the processor to fetch the first two cache lines.
  void prefetch() const noexcept {
    __builtin_prefetch(this, 1);
    __builtin_prefetch(reinterpret_cast<const char*>(this) + 64, 1);
  }

  /// Bytes that a live robot takes of the node's credit.
  [[nodiscard]] std::size_t charged_bytes() const noexcept { return robot_bytes + name.size(); }

  /// Rule 27. An `uncached` robot may leave as well, but the cache then lacks its latest state.
  [[nodiscard]] bool may_passivate() const {
    return !loading && !dirty && !taken && !awaits_seal && !unlisted && pins == 0;
  }
};

/// The robots of a shard in memory, by name. A flat table of hashes and pointers, because at
/// 100,000 robots cache misses dominate the time of a look-up. Names with the same 64-bit hash
/// share an entry. Owns the slots. Thread-safety: none.
class robot_table {
public:
  [[nodiscard]] robot_slot* find(std::string_view name, std::uint64_t hash) const {
    auto* slot = first_of(hash);
    while (slot != nullptr && slot->name != name)
      slot = slot->same_hash;
    return slot;
  }

  /// Tells the processor to fetch the table entry of `hash`, for a later find().
  void prefetch(std::uint64_t hash) const { slots_.prefetch(hash); }
  /// Tells the processor to fetch the slot of `hash`. Call prefetch() some time before.
  void prefetch_slot(std::uint64_t hash) const {
    if (const auto* slot = first_of(hash))
      slot->prefetch();
  }

  /// @pre the table has no robot of this name.
  robot_slot& insert(std::string_view name, std::uint64_t hash) {
    auto& first = slots_[hash];
    auto* slot = new robot_slot(name, hash);
    slot->same_hash = std::exchange(first, slot);
    ++size_;
    return *slot;
  }

  void erase(robot_slot& slot) {
    const auto entry = slots_.find(slot.hash);
    auto** link = &entry->second;
    while (*link != &slot)
      link = &(*link)->same_hash;
    *link = slot.same_hash;
    if (entry->second == nullptr)
      slots_.erase(entry);
    --size_;
    delete &slot;
  }

  void clear() {
    for (auto [hash, slot] : slots_)
      while (slot != nullptr)
        delete std::exchange(slot, slot->same_hash);
    slots_.clear();
    size_ = 0;
  }

  /// Calls `visit(slot)` for every robot, in no order. `visit` must not insert or erase.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [hash, first] : slots_)
      for (auto* slot = first; slot != nullptr; slot = slot->same_hash)
        visit(*slot);
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  robot_table() = default;
  robot_table(const robot_table&) = delete;
  robot_table& operator=(const robot_table&) = delete;
  ~robot_table() { clear(); }

private:
  /// The keys are hashes already.
  struct identity {
    std::size_t operator()(std::uint64_t hash) const noexcept { return hash; }
  };

  [[nodiscard]] robot_slot* first_of(std::uint64_t hash) const {
    const auto found = slots_.find(hash);
    return found == slots_.end() ? nullptr : found->second;
  }

  absl::flat_hash_map<std::uint64_t, robot_slot*, identity> slots_; ///< values are never null
  std::size_t size_ = 0;
};

} // namespace telemetry
