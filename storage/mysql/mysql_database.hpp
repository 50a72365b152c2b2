#pragma once

#include "core/result.hpp"
#include "storage/mysql/mysql_lock.hpp"
#include "storage/mysql/mysql_pool.hpp"
#include "storage/paired_journal.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace telemetry::mysql {

/// One telemetryd database on a MySQL or MariaDB server, owned by this process. mysql_journal and
/// mysql_event_store use it.
///
/// Two mechanisms keep a second process out. A lock refuses it at the start (mysql_lock), but the
/// lock is lost with its connection. The epoch is the fence (ADR 0014): every opening raises it in
/// all rows of `shards` and `markers`, and every later transaction updates some of these rows on
/// the condition that the epoch is still ours.
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

  [[nodiscard]] std::uint32_t shards() const noexcept { return shards_; }
  /// The fence of this opening: the value of the columns `epoch` of `shards` and `markers`.
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
  /// Every opening raises the epoch, so the epoch also numbers the openings.
  [[nodiscard]] std::uint64_t opening() const noexcept override { return epoch_; }
  /// Id of the database, made when it was created: 32 hexadecimal digits.
  [[nodiscard]] const std::string& uuid() const noexcept { return uuid_; }
  /// "mariadb 10.11.6 at 127.0.0.1:3306", as of the opening.
  [[nodiscard]] const std::string& description() const noexcept { return description_; }
  [[nodiscard]] mysql_pool& pool() noexcept { return pool_; }
  [[nodiscard]] mysql_lock& lock() noexcept { return lock_; }

  [[nodiscard]] result<journal_pairing> read_journal_pairing() override;
  [[nodiscard]] result<void> write_journal_pairing(const journal_pairing& record) override;
  [[nodiscard]] std::string accept_journal() const override;

  /// Finds out why a conditional update of `table` ("shards" or "markers") did not change all rows.
  /// @returns errc::fenced if another process took over, errc::corrupt if the server has lost
  ///          commits (a replica that lagged, a restored backup), errc::unavailable if the epochs
  ///          are right (try again). Throws sql::SQLException.
  [[nodiscard]] failure why_refused(mysql_session& session, std::string_view table) const;

  /// The failure of a server that has lost commits, because a replica that lagged behind took over,
  /// or a backup was restored while this process ran. It is noted in the database, so that open()
  /// refuses an automatic restart and names the statement by which an operator accepts the loss.
  /// Rolls back an open transaction of `session`.
  /// @param what names the loss, e.g. "journal entry 7 of shard 3 is gone".
  [[nodiscard]] failure forgotten(mysql_session& session, const std::string& what) const;

private:
  explicit mysql_database(const mysql_options& options) : pool_(options), lock_(pool_) {}
  [[nodiscard]] result<void> prepare(std::uint32_t shards);
  [[nodiscard]] result<void> create(mysql_session& session, std::uint32_t shards);
  [[nodiscard]] result<void> check_losses(mysql_session& session) const;
  [[nodiscard]] result<void> read_meta(mysql_session& session);
  [[nodiscard]] result<void> take_over(mysql_session& session);

  mysql_pool pool_;
  std::uint32_t shards_ = 0;
  std::uint64_t epoch_ = 0;
  std::string uuid_;
  std::string description_;
  mysql_lock lock_; ///< uses pool_
};

} // namespace telemetry::mysql
