#pragma once

#include "actors/engine_context.hpp"
#include "actors/inline_unit.hpp"
#include "storage/journal.hpp"

namespace telemetry {

/// JOURNAL WRITER: stamps, numbers and syncs batches, and passes durable batches to the shards. At
/// the start it replays the journal into the shards (rules 1-8 and 22-25).
class journal_writer final : public journal_writer_actor::base {
public:
  static inline const char* const actor_name = "journal_writer";

  /// @param markers of all shards, ordered by shard.
  journal_writer(caf::actor_config& config, engine_context& context, journal& log,
                 const std::vector<shard_marker>& markers);
  [[nodiscard]] const char* name() const override { return actor_name; }

protected:
  behavior_type make_behavior() override;
  void on_exit() override;

private:
  /// The last values of a shard's stamps, which the next stamp continues.
  struct shard_log {
    std::uint64_t next_no;
    std::int64_t arrival_ms;
    std::int64_t horizon_ms;
    std::uint64_t replayed_upto;
  };

  // Group commit (journal_writer.cpp).
  void commit();
  std::vector<submission_ptr> take_waiting();
  commit_ptr form();
  batch_stamp stamp(shard_log& log);
  template <class Atom>
  void tell_shards(Atom what, const commit_ptr& commit);
  void write();
  void written();
  void failed(const failure& why);
  void schedule_tick();
  void tick();
  [[nodiscard]] bool tick_due(std::uint32_t shard) const;
  void trim(const std::vector<shard_marker>& markers);
  void answer_finish();

  // Recovery (journal_writer_recovery.cpp).
  caf::result<result<recovery_stats>> recover();
  result<void> read_floors();
  void replay_next(std::uint32_t shard);
  void shard_is_live();

  engine_context& context_;
  journal& journal_;
  inline_unit shards_unit_;           ///< runs the shards of a small commit on this thread
  std::vector<shard_marker> markers_; ///< of the store at start
  std::vector<shard_log> logs_;

  std::vector<submission_ptr> waiting_;
  bool commit_due_ = false;   ///< a commit_atom is under way
  bool timer_is_set_ = false; ///< a tick_atom is under way
  bool tick_wanted_ = false;  ///< the next commit includes shards due for a tick
  commit_ptr current_;        ///< formed and not durable yet
  std::chrono::milliseconds retry_delay_{0};
  std::vector<caf::typed_response_promise<bool>> finishing_;

  bool live_ = false; ///< every shard has finished its replay
  std::size_t shards_recovering_ = 0;
  recovery_stats stats_;
  std::int64_t arrival_max_ms_ = 0; ///< over journal and markers (rule 2)
  caf::typed_response_promise<result<recovery_stats>> recovered_;
};

} // namespace telemetry
