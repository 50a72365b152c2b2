#pragma once

#include "core/result.hpp"
#include "core/tenure.hpp"
#include "storage/mysql/mysql_lock.hpp"
#include "storage/mysql/mysql_pool.hpp"
#include "storage/paired_journal.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace telemetry::mysql {

/// One telemetryd database on a MySQL or MariaDB server. mysql_journal and mysql_event_store use
/// it.
///
/// It belongs either to a single node or to the nodes of a cluster (`cluster.mode`). Nodes own
/// their shards only (mysql_ownership). Two mechanisms keep a second process from the database of a
/// single node. A lock refuses it at the start (mysql_lock), but the lock is lost with its
/// connection. The epoch is the fence (ADR 0014): every opening raises it in all rows of `shards`
/// and `markers`, and every later transaction updates some of these rows on the condition that the
/// epoch is still ours.
///
/// Thread-safety: full. Blocking: open() and all calls that use the pool wait for the server,
/// within the timeouts of mysql_options.
class mysql_database final : public pairing_keeper {
public:
  /// Connects, takes the lock, migrates the schema, gives a new database `shards` shards, and
  /// raises the epoch.
  /// @returns errc::unreachable (no host answers: try again), errc::invalid_option (password,
  ///          rights, missing database, read-only, a setting that would lose commits, shards out of
  ///          bounds), errc::locked (another process), errc::version (a newer schema, or foreign
  ///          tables), errc::no_space, errc::corrupt (also if the server has lost commits and no
  ///          operator has accepted that yet, see forgotten()).
  static result<std::shared_ptr<mysql_database>> open(const mysql_options& options,
                                                      std::uint32_t shards);

  /// The same for a node of a cluster, beside other nodes: no epoch is raised, because the node
  /// owns no shard yet (mysql_ownership).
  /// @returns as open(); errc::locked if a single node holds the database.
  static result<std::shared_ptr<mysql_database>> open_shared(const mysql_options& options,
                                                             std::uint32_t shards);

  [[nodiscard]] std::uint32_t shards() const noexcept { return shards_; }
  /// The fence of this opening: the value of the columns `epoch` of `shards` and `markers`.
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
  /// The epoch that the rows of a shard must have for what `of` writes. A single node fences by its
  /// opening, a node of a cluster by the tenure.
  [[nodiscard]] std::uint64_t fence_of(const tenure& of) const noexcept {
    return is_shared_ ? of.epoch : epoch_;
  }
  /// Every opening raises the epoch, so the epoch also numbers the openings.
  [[nodiscard]] std::uint64_t opening() const noexcept override { return epoch_; }
  /// Id of the database, made when it was created: 32 hexadecimal digits.
  [[nodiscard]] const std::string& uuid() const noexcept { return uuid_; }
  /// "mariadb 10.11.6 at 127.0.0.1:3306", as of the opening.
  [[nodiscard]] const std::string& description() const noexcept { return description_; }
  [[nodiscard]] mysql_pool& pool() noexcept { return pool_; }
  /// Number of checkpoint transactions of the tenure of `shard` that a server has confirmed.
  [[nodiscard]] std::atomic<std::uint64_t>& written(std::uint32_t shard) { return written_[shard]; }
  [[nodiscard]] mysql_lock& lock() noexcept { return lock_; }

  [[nodiscard]] result<journal_pairing> read_journal_pairing() override;
  [[nodiscard]] result<void> write_journal_pairing(const journal_pairing& record) override;
  [[nodiscard]] std::string accept_journal() const override;

  /// Compares the epochs that the server has with the fences of tenures of this process.
  /// @param now epoch of each shard in `table` ("shards" or "markers").
  /// @param ended gets the tenures that have ended.
  /// @returns errc::fenced if `ended` has any; forgotten() if an epoch is lower than ours. Throws
  ///          sql::SQLException.
  [[nodiscard]] result<void> check_tenures(mysql_session& session, std::string_view table,
                                           std::span<const tenure> ours,
                                           std::span<const std::uint64_t> now,
                                           std::vector<tenure>& ended);
  /// Finds out why a conditional update of `table` did not change the rows of all shards of `ours`.
  /// @returns as check_tenures(); errc::unavailable if the epochs are right (try again).
  [[nodiscard]] failure why_refused(mysql_session& session, std::string_view table,
                                    std::span<const tenure> ours, std::vector<tenure>& ended);

  /// The failure of a server that lacks commits, because a replica that lagged behind took over, a
  /// backup was restored while this process ran, or it is a primary that was replaced and has not
  /// heard of it yet. Rolls back an open transaction of `session`.
  /// @param what names the loss, e.g. "journal entry 7 of shard 3 is gone".
  /// @returns errc::corrupt once the loss is noted in the database, so that open() refuses an
  ///          automatic restart and names the statement by which an operator accepts it.
  ///          errc::unavailable if the server could not commit the note: it is behind, and the pool
  ///          asks the next host.
  [[nodiscard]] failure forgotten(mysql_session& session, const std::string& what);

private:
  mysql_database(const mysql_options& options, bool is_shared)
      : pool_(options), is_shared_(is_shared), lock_(pool_) {}
  static result<std::shared_ptr<mysql_database>> open(const mysql_options& options,
                                                      std::uint32_t shards, bool is_shared);
  [[nodiscard]] result<void> prepare(std::uint32_t shards);
  [[nodiscard]] result<void> share(mysql_session& session) const;
  [[nodiscard]] result<void> check_written(mysql_session& session) const;
  [[nodiscard]] result<void> create(mysql_session& session, std::uint32_t shards);
  [[nodiscard]] result<void> check_losses(mysql_session& session) const;
  [[nodiscard]] result<void> read_meta(mysql_session& session);
  [[nodiscard]] result<void> take_over(mysql_session& session);

  mysql_pool pool_;
  const bool is_shared_; ///< with other nodes of a cluster
  std::uint32_t shards_ = 0;
  std::uint64_t epoch_ = 0;                         ///< of a single node
  std::vector<std::atomic<std::uint64_t>> written_; ///< per shard, see written()
  std::string uuid_;
  std::string description_;
  mysql_lock lock_; ///< uses pool_
};

} // namespace telemetry::mysql
