#pragma once

#include "actors/engine_context.hpp"
#include "actors/inline_unit.hpp"
#include "storage/event_store.hpp"

namespace telemetry {

/// READER: reads the store on its own thread, because reads block.
class reader final : public reader_actor::base {
public:
  static inline const char* const actor_name = "reader";

  reader(caf::actor_config& config, engine_context& context, event_store& store);
  [[nodiscard]] const char* name() const override { return actor_name; }

protected:
  behavior_type make_behavior() override;

private:
  /// Answers the current request, and runs the query that asked on this thread. The query only
  /// passes the answer to its I/O thread, which takes less time than to wake a worker.
  template <class T>
  caf::result<T> answer(T what);
  void load(const shard_actor& shard, const activation_ptr& wanted);
  void look_up(const old_events& olds);
  robot_outcome row(const std::string& name);
  result<std::vector<robot_row>> list(const std::string& after, const std::string& before,
                                      std::size_t limit);
  /// Ends the process if the store is damaged. Otherwise returns, and the read may be repeated.
  void check_retry(const failure& why);

  engine_context& context_;
  event_store& store_;
  inline_unit askers_; ///< runs the queries that asked
};

} // namespace telemetry
