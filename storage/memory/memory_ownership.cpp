#include "storage/memory/memory_ownership.hpp"

#include <algorithm>

namespace telemetry::memory {

cluster_node* memory_ownership::find(std::uint64_t inc) {
  auto& nodes = cluster_->view.nodes;
  return inc >= 1 && inc <= nodes.size() ? &nodes[inc - 1] : nullptr;
}

/// Up or leaving.
bool memory_ownership::is_living(std::uint64_t inc) {
  const cluster_node* const one = find(inc);
  return one != nullptr && (one->state == node_state::up || one->state == node_state::leaving);
}

void memory_ownership::give(std::uint32_t shard, std::uint64_t to) {
  shard_owner& owner = cluster_->view.owners[shard];
  owner = {owner.epoch + 1, to};
}

result<std::uint64_t> memory_ownership::join(const cluster_node& self, std::uint64_t nonce,
                                             std::chrono::milliseconds dead_after,
                                             std::span<const std::uint64_t> ended) {
  if (const auto before = cluster_->joins.find(nonce); before != cluster_->joins.end())
    return before->second;
  auto& all = cluster_->view;
  bool is_alone = true;
  for (const cluster_node& one : all.nodes) {
    if (!is_living(one.inc) || std::find(ended.begin(), ended.end(), one.inc) != ended.end())
      continue;
    is_alone = false;
    if (one.name == self.name)
      return failure{errc::locked, "another node has the name " + self.name};
  }
  if (!is_alone && all.dead_after != dead_after)
    return failure{errc::invalid_option, "the other nodes have another cluster.dead_after"};
  all.dead_after = dead_after;
  ++all.version;
  all.nodes.push_back(self);
  cluster_node& joined = all.nodes.back();
  joined.inc = all.nodes.size();
  joined.state = node_state::up;
  joined.beats = 0;
  cluster_->joins.emplace(nonce, joined.inc);
  for (const std::uint64_t inc : ended) {
    if (!is_living(inc))
      continue;
    find(inc)->state = node_state::dead;
    for (std::uint32_t shard = 0; shard < all.owners.size(); ++shard)
      if (all.owners[shard].inc == inc)
        give(shard, joined.inc);
  }
  return joined.inc;
}

result<void> memory_ownership::beat(std::uint64_t inc) {
  if (!is_living(inc))
    return failure{errc::fenced, "the node was ended"};
  ++find(inc)->beats;
  return {};
}

result<cluster_view> memory_ownership::view() {
  cluster_view now = cluster_->view;
  std::erase_if(now.nodes, [this](const cluster_node& one) { return !is_living(one.inc); });
  return now;
}

result<bool> memory_ownership::take_over(const takeover& what) {
  auto& all = cluster_->view;
  if (what.version != all.version)
    return false;
  if (what.ended &&
      (!is_living(what.ended->inc) || find(what.ended->inc)->beats != what.ended->beats))
    return false;
  for (const auto& [last, to] : what.gifts)
    if (all.owners[last.shard].epoch != last.epoch)
      return false;
  ++all.version;
  if (what.ended)
    find(what.ended->inc)->state = node_state::dead;
  for (const auto& [last, to] : what.gifts)
    give(last.shard, to);
  return true;
}

result<bool> memory_ownership::hand_off(const tenure& of, std::uint64_t from, std::uint64_t to) {
  if (cluster_->view.owners[of.shard] != shard_owner{of.epoch, from} ||
      !(cluster_->view.is_up(to) || (from == to && is_living(to))))
    return false;
  ++cluster_->view.version;
  give(of.shard, to);
  return true;
}

result<void> memory_ownership::leave(std::uint64_t inc, node_state state) {
  if (!is_living(inc) || find(inc)->state == state)
    return {};
  ++cluster_->view.version;
  find(inc)->state = state;
  return {};
}

} // namespace telemetry::memory
