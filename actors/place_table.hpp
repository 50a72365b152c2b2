#pragma once

#include "actors/messages.hpp"

#include <cstdint>
#include <mutex>
#include <vector>

namespace telemetry {

/// The shard actors of this node, as the shard host last wrote them. Queries and the cache writer
/// find shards here; the journal writer and the checkpointer are told of tenures by messages.
///
/// Thread-safe.
class place_table {
public:
  explicit place_table(std::size_t shards) : places_(shards) {}

  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
  /// The actor of `shard`; null before the shard host has spawned it.
  [[nodiscard]] shard_actor at(std::uint32_t shard) const {
    const auto& here = places_[shard];
    const std::lock_guard lock{here.mutex};
    return here.actor;
  }
  /// The actors of all shards that have one, in order.
  [[nodiscard]] std::vector<shard_actor> all() const {
    std::vector<shard_actor> actors;
    for (std::uint32_t shard = 0; shard < size(); ++shard)
      if (auto one = at(shard))
        actors.push_back(std::move(one));
    return actors;
  }
  void put(std::uint32_t shard, shard_actor actor) {
    auto& here = places_[shard];
    const std::lock_guard lock{here.mutex};
    here.actor.swap(actor); // the old actor is released after the lock
  }
  /// Releases all actors.
  void clear() {
    for (std::uint32_t shard = 0; shard < size(); ++shard)
      put(shard, {});
  }

private:
  struct place {
    mutable std::mutex mutex; ///< guards `actor`
    shard_actor actor;
  };
  std::vector<place> places_;
};

} // namespace telemetry
