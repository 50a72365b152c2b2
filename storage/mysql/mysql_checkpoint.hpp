#pragma once

#include "storage/event_store.hpp"
#include "storage/mysql/mysql_database.hpp"
#include "storage/mysql/mysql_text.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace telemetry::mysql {

/// Sizes of the steps of a checkpoint.
struct checkpoint_sizes {
  std::size_t rows_per_transaction = 20'000; ///< events; the server needs about 0.1 s for them
  std::size_t rows_per_statement = 1'000;    ///< events or robots
};

/// Writes checkpoints as transactions of bounded size, on several connections (ADR 0015).
///
/// A transaction writes event rows of some robots, in the order of their keys, and the robot rows
/// as of the last event in the transaction. The transactions of one robot are in order. Therefore a
/// robot row is never ahead of its events, even if later transactions fail, and a replay from the
/// old marker continues from there. (Events that the replay offers again are at or below the
/// robot's seal point, or were accepted the first time.) The markers are written last, or in the
/// same transaction if the checkpoint needs only one.
///
/// Every transaction first updates the markers of its shards on two conditions. Their epoch must be
/// that of our tenure, which is the fence (mysql_database). And they must count at least as many
/// transactions as this process has seen committed, so that a server that lost commits is not
/// written to. If an event row is stored already, the server refuses the insert. Then the
/// transaction is repeated: it compares the stored rows and inserts only the others.
///
/// Thread-safety: none; one owner. write() uses threads of its own. Blocking: write() waits for the
/// server, within the timeouts of mysql_options.
class mysql_checkpoint {
public:
  /// @param calls is told of every statement; it must outlive this object.
  mysql_checkpoint(std::shared_ptr<mysql_database> database, const checkpoint_sizes& sizes,
                   server_silence& calls);

  /// @returns as event_store::commit(). After an error the same checkpoint may be written again.
  [[nodiscard]] result<void> write(const checkpoint& what);
  /// The tenures that the last write() found ended.
  [[nodiscard]] const std::vector<tenure>& fenced() const noexcept { return fenced_; }

private:
  /// Rows [first, last) of one robot, as indexes.
  struct slice {
    const checkpoint::robot* robot;
    std::size_t first;
    std::size_t last;
  };
  /// The content of one transaction, ordered by robot id.
  using piece = std::vector<slice>;

  void begin(const checkpoint& what);
  [[nodiscard]] std::vector<std::vector<piece>> plan(const checkpoint& what) const;
  [[nodiscard]] result<void> write_lane(std::span<const piece> pieces);
  [[nodiscard]] result<void> write_piece(const piece& what, std::span<const shard_marker> markers);
  [[nodiscard]] result<void> transact(mysql_session& session, const piece& what,
                                      std::span<const shard_marker> markers, bool compare);
  [[nodiscard]] result<void> claim(mysql_session& session, std::span<const std::uint32_t> shards);
  void put_robots(mysql_session& session, const piece& what) const;
  void put_events(mysql_session& session, const piece& what) const;
  void put_markers(mysql_session& session, std::span<const shard_marker> markers) const;
  [[nodiscard]] result<piece> without_stored(mysql_session& session, const piece& what) const;

  std::shared_ptr<mysql_database> database_;
  checkpoint_sizes sizes_;
  server_silence& calls_;
  std::vector<tenure> tenures_; ///< per shard: the one that writes
  std::mutex mutex_;            ///< guards fenced_ during write()
  std::vector<tenure> fenced_;
};

} // namespace telemetry::mysql
