#pragma once

#include "storage/mysql/mysql_database.hpp"
#include "storage/mysql/mysql_text.hpp"
#include "storage/ownership.hpp"

#include <memory>

namespace telemetry::mysql {

/// The ownership of shards in the tables cluster, nodes, shards and markers (docs/formats.md,
/// "MySQL"). Like ownership.
///
/// Every transaction changes rows on conditions, and is rolled back unless all of them changed. So
/// an old transaction that is applied late does nothing. The locks are taken in one order: cluster,
/// nodes, shards by number, markers by number.
class mysql_ownership final : public ownership {
public:
  /// @param database opened by mysql_database::open_shared().
  explicit mysql_ownership(std::shared_ptr<mysql_database> database);

  result<std::uint64_t> join(const cluster_node& self, std::uint64_t nonce,
                             std::chrono::milliseconds dead_after,
                             std::span<const std::uint64_t> ended) override;
  result<void> beat(std::uint64_t inc) override;
  result<cluster_view> view() override;
  result<bool> take_over(const takeover& what) override;
  result<bool> hand_off(const tenure& of, std::uint64_t from, std::uint64_t to) override;
  result<void> leave(std::uint64_t inc, node_state state) override;

private:
  template <class Work>
  auto run(const char* what, Work work);
  /// Reads a view. Takes the owners from `known`, which may be nullptr, if it has the same version.
  /// @returns errc::unavailable if the cluster changed meanwhile.
  [[nodiscard]] static result<cluster_view> read(mysql_session& session, const cluster_view* known);
  [[nodiscard]] result<void> why_no_beat(mysql_session& session, std::uint64_t inc);

  std::shared_ptr<mysql_database> database_;
  std::optional<cluster_view> last_; ///< of the last view()
  std::uint64_t beating_ = 0;        ///< the node of the last beat()
  std::uint64_t beats_ = 0;          ///< of that node, as far as known to be committed
};

} // namespace telemetry::mysql
