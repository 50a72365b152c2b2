#pragma once

#include "storage/ownership.hpp"

#include <map>
#include <memory>

namespace telemetry::memory {

/// Content of memory_ownership. Shared by the nodes of a test.
struct memory_cluster {
  explicit memory_cluster(std::uint32_t shards) {
    view.version = 1;
    view.owners.resize(shards);
  }
  cluster_view view;                            ///< `nodes` has all nodes that ever were
  std::map<std::uint64_t, std::uint64_t> joins; ///< nonce -> inc
};

/// The ownership of shards in memory, for tests. Like ownership.
class memory_ownership final : public ownership {
public:
  explicit memory_ownership(std::shared_ptr<memory_cluster> cluster)
      : cluster_(std::move(cluster)) {}

  result<std::uint64_t> join(const cluster_node& self, std::uint64_t nonce,
                             std::chrono::milliseconds dead_after,
                             std::span<const std::uint64_t> ended) override;
  result<void> beat(std::uint64_t inc) override;
  result<cluster_view> view() override;
  result<bool> take_over(const takeover& what) override;
  result<bool> hand_off(const tenure& of, std::uint64_t from, std::uint64_t to) override;
  result<void> leave(std::uint64_t inc, node_state state) override;

private:
  [[nodiscard]] cluster_node* find(std::uint64_t inc);
  [[nodiscard]] bool is_living(std::uint64_t inc);
  void give(std::uint32_t shard, std::uint64_t to);

  std::shared_ptr<memory_cluster> cluster_;
};

} // namespace telemetry::memory
