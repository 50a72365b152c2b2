#pragma once

#include "storage/event_store.hpp"
#include "storage/mysql/mysql_database.hpp"
#include "storage/mysql/mysql_text.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace telemetry::mysql {

/// Bounds of what a checkpoint does at a time.
struct checkpoint_sizes {
  std::size_t rows_per_transaction = 20'000; ///< events; about 0.1 s of the server
  std::size_t rows_per_statement = 1'000;    ///< events or robots
};

/// Writes checkpoints as transactions of bounded size, on several connections.
///
/// A transaction holds event rows of some robots, in the order of their keys, and the rows of these
/// robots as of the last event in it: so a robot row is never ahead of its events, whatever becomes
/// of the transactions after it, and a replay from the old marker goes on from there. (What the
/// replay offers again is at or below that robot's seal point, or was accepted the first time.) Of
/// one robot the transactions come in order. The markers are written last; a checkpoint that fits
/// into one transaction has them in it.
///
/// Every transaction first changes the markers of its shards on the condition that their epoch is
/// ours, which is the fence of mysql_database, and that they count no fewer transactions than we
/// have seen committed: a server that lags behind what it had committed is not written to. An event
/// row that is there already makes the server refuse the insert; then the transaction is done again
/// with what is stored compared and left out.
///
/// Thread-safety: none; one owner. It uses threads of its own while it writes. Blocking: yes.
class mysql_checkpoint {
public:
  /// @param calls hears of every statement; outlives this.
  mysql_checkpoint(std::shared_ptr<mysql_database> database, const checkpoint_sizes& sizes,
                   server_silence& calls);

  /// @returns as event_store::commit(); errc::fenced if another process owns the database. After an
  ///          error the same checkpoint may be written again.
  [[nodiscard]] result<void> write(const checkpoint& what);

private:
  /// Events [first, last) of one robot.
  struct slice {
    const checkpoint::robot* robot;
    std::size_t first;
    std::size_t last;
  };
  /// What one transaction writes, by robot id.
  using piece = std::vector<slice>;

  [[nodiscard]] std::vector<std::vector<piece>> plan(const checkpoint& what) const;
  [[nodiscard]] result<void> write_lane(std::span<const piece> pieces);
  [[nodiscard]] result<void> write_piece(const piece& what, std::span<const shard_marker> markers);
  [[nodiscard]] result<void> transact(mysql_session& session, const piece& what,
                                      std::span<const shard_marker> markers, bool compare);
  [[nodiscard]] result<void> claim(mysql_session& session,
                                   std::span<const std::uint32_t> shards) const;
  void put_robots(mysql_session& session, const piece& what) const;
  void put_events(mysql_session& session, const piece& what) const;
  void put_markers(mysql_session& session, std::span<const shard_marker> markers) const;
  [[nodiscard]] result<piece> without_stored(mysql_session& session, const piece& what) const;

  std::shared_ptr<mysql_database> database_;
  checkpoint_sizes sizes_;
  server_silence& calls_;
  /// Per shard: transactions of this epoch that the server said were committed.
  std::vector<std::atomic<std::uint64_t>> committed_;
};

} // namespace telemetry::mysql
