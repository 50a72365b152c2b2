#pragma once

#include "core/cluster_view.hpp"
#include "core/result.hpp"
#include "core/tenure.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace telemetry {

/// The nodes of a cluster, and which of them owns each shard: the shared truth that gives tenures
/// (docs/RULES.md, "Many nodes").
///
/// Every call is one transaction. After errc::unavailable its outcome is unknown, and it may still
/// take effect later; each call says how the caller finds out.
///
/// Thread-safety: none; one owner, the membership of a node. Blocking: every call waits for the
/// server. Errors: through result<>.
class ownership {
public:
  virtual ~ownership() = default;

  /// Joins as a new incarnation, state up. The fields inc, state and beats of `self` are ignored.
  /// @param nonce random, of this process. After an unknown outcome, join again with the same: if
  ///        the first join took effect, this returns its number.
  /// @param dead_after the same on all nodes, unless no other node is up or leaving.
  /// @param ended earlier incarnations of this name, proven dead. Their shards become ours.
  /// @returns the number of the incarnation. errc::locked if another node has the name, and is
  ///          neither in `ended` nor dead; errc::invalid_option if dead_after is another, or a
  ///          single node uses the database.
  [[nodiscard]] virtual result<std::uint64_t> join(const cluster_node& self, std::uint64_t nonce,
                                                   std::chrono::milliseconds dead_after,
                                                   std::span<const std::uint64_t> ended) = 0;

  /// One heartbeat. After an unknown outcome, beat again: one beat more or less has no meaning.
  /// @returns errc::fenced if the node was ended.
  [[nodiscard]] virtual result<void> beat(std::uint64_t inc) = 0;

  /// The cluster as it is. The version never falls from one call to the next.
  [[nodiscard]] virtual result<cluster_view> view() = 0;

  /// Ends a node and gives shards away (rules 45 and 48).
  struct takeover {
    std::uint64_t version = 0; ///< of the view that this was decided on
    struct ended_node {
      std::uint64_t inc;
      std::uint64_t beats; ///< as they were observed to stand still
    };
    std::optional<ended_node> ended; ///< nullopt: only shards of nodes that are not up
    struct gift {
      tenure last; ///< as in the view
      std::uint64_t to;
    };
    std::vector<gift> gifts; ///< by shard
  };
  /// @returns whether it happened. If not, another node was faster, or the node to be ended lives.
  /// After
  ///          an unknown outcome the next view tells.
  [[nodiscard]] virtual result<bool> take_over(const takeover& what) = 0;

  /// Gives a shard of `from` to `to`, which may be `from` itself: the shard is recovered anew then
  /// (rule 46). After an unknown outcome do it again, or renew, until the epoch is another.
  /// @returns whether it happened. If not, the tenure has ended already, or `to` is not up.
  [[nodiscard]] virtual result<bool> hand_off(const tenure& of, std::uint64_t from,
                                              std::uint64_t to) = 0;

  /// The node is leaving, or has left. Idempotent.
  [[nodiscard]] virtual result<void> leave(std::uint64_t inc, node_state state) = 0;
};

} // namespace telemetry
