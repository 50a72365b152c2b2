#pragma once

#include "actors/engine_context.hpp"
#include "storage/journal.hpp"

#include <memory>
#include <vector>

namespace telemetry {

/// RECOVERY: replays the logs of shards into them, side by side. Each shard gets the next piece of
/// its log when it has taken the one before, so that a replay of any length runs in bounded memory.
class recovery final : public recovery_actor::base {
public:
  static inline const char* const actor_name = "recovery";

  /// @param log this actor is its only user until every recover_atom is answered.
  recovery(caf::actor_config& config, engine_context& context, journal_reader& log);
  [[nodiscard]] const char* name() const override { return actor_name; }

protected:
  behavior_type make_behavior() override;
  void on_exit() override;

private:
  using promise = caf::typed_response_promise<result<recovered_shard>>;
  struct replay {
    recovered_shard shard;
    std::uint64_t upto = 0; ///< batch_no that the shard has
    promise answer;
  };
  using replay_ptr = std::shared_ptr<replay>;

  caf::result<result<recovered_shard>> recover(const hosted_shard& shard);
  result<replayed_batches> read_piece(replay& of);
  void go_on(const replay_ptr& of);
  void ask_live(const replay_ptr& of);
  void shard_ended(const replay_ptr& of);
  void end(const replay_ptr& of, result<recovered_shard> outcome);

  engine_context& context_;
  journal_reader& journal_;
  std::vector<replay_ptr> running_;
};

} // namespace telemetry
