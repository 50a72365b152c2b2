#pragma once

#include "actors/engine_context.hpp"
#include "actors/inline_unit.hpp"
#include "storage/journal.hpp"

#include <optional>

namespace telemetry {

/// JOURNAL WRITER: stamps, numbers and syncs batches, and passes durable batches to the shards
/// (rules 1-8). It writes the logs of the shards that it has adopted.
class journal_writer final : public journal_writer_actor::base {
public:
  static inline const char* const actor_name = "journal_writer";

  journal_writer(caf::actor_config& config, engine_context& context, journal& log);
  [[nodiscard]] const char* name() const override { return actor_name; }

protected:
  behavior_type make_behavior() override;
  void on_exit() override;

private:
  void adopt(const std::vector<shard_log>& logs);
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

  engine_context& context_;
  journal& journal_;
  inline_unit shards_unit_;                    ///< runs the shards of a small commit on this thread
  std::vector<std::optional<shard_log>> logs_; ///< one per shard; nullopt until it is adopted

  std::vector<submission_ptr> waiting_;
  bool commit_due_ = false;   ///< a commit_atom is under way
  bool timer_is_set_ = false; ///< a tick_atom is under way
  bool tick_wanted_ = false;  ///< the next commit includes shards due for a tick
  commit_ptr current_;        ///< formed and not durable yet
  std::chrono::milliseconds retry_delay_{0};
  std::vector<caf::typed_response_promise<bool>> finishing_;
  bool live_ = false; ///< shards have been adopted
};

} // namespace telemetry
