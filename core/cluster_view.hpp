#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace telemetry {

/// The numbers are stored: never change them.
enum class node_state : std::uint8_t {
  up = 1,
  leaving = 2, ///< gives its shards away, and gets none
  left = 3,    ///< has stopped
  dead = 4,    ///< was ended by another node, or by its own successor
};

/// One life of one process in a cluster (an incarnation).
struct cluster_node {
  std::uint64_t inc = 0; ///< number of the incarnation; never used again
  std::string name;
  node_state state = node_state::up;
  std::uint64_t beats = 0; ///< heartbeats so far
  std::string address;     ///< host:port for other nodes
  std::string http;        ///< host:port for clients
  std::string release;
  std::uint32_t protocol_min = 0; ///< of the protocol between nodes
  std::uint32_t protocol_max = 0;
  std::uint32_t level_max = 0; ///< highest level of stored data that it can write
  std::int64_t started_ms = 0; ///< system time
  friend bool operator==(const cluster_node&, const cluster_node&) = default;
};

/// The owner of a shard since its epoch began.
struct shard_owner {
  std::uint64_t epoch = 0;
  std::uint64_t inc = 0; ///< of the owner; 0: the shard has none
  friend bool operator==(const shard_owner&, const shard_owner&) = default;
};

/// A cluster as its database had it at one moment.
struct cluster_view {
  std::uint64_t version = 0; ///< rises with every change but heartbeats
  std::uint32_t level = 0;   ///< of stored data
  std::chrono::milliseconds dead_after{0};
  bool rebalances = true;
  std::vector<cluster_node> nodes; ///< up or leaving, by inc
  std::vector<shard_owner> owners; ///< one per shard

  /// The node `inc`; nullptr unless it is up or leaving.
  [[nodiscard]] const cluster_node* find(std::uint64_t inc) const {
    for (const cluster_node& one : nodes)
      if (one.inc == inc)
        return &one;
    return nullptr;
  }
  [[nodiscard]] bool is_up(std::uint64_t inc) const {
    const cluster_node* const one = find(inc);
    return one != nullptr && one->state == node_state::up;
  }
};

} // namespace telemetry
