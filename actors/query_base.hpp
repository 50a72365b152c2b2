#pragma once

#include "actors/lane.hpp"
#include "core/name_hash.hpp"
#include "net/api.hpp"

#include <caf/all.hpp>

#include <memory>

namespace telemetry::query {

/// What every query actor has: an asker, an answer that is given once, and a deadline for it.
template <class T>
class base : public caf::event_based_actor {
public:
  static inline const char* const actor_name = "query";

  base(caf::actor_config& config, engine_context& context, net::io_thread& io,
       net::callback<T> reply)
      : caf::event_based_actor(config), context_(context), io_(io), reply_(std::move(reply)),
        deadline_(context.deadlines.begin(address())) {}
  [[nodiscard]] const char* name() const override { return actor_name; }

protected:
  /// Asks the first question.
  virtual void begin() = 0;

  /// Posts the answer and ends the actor.
  void answer(result<T> what) {
    context_.deadlines.end(deadline_);
    io_.post([reply = std::move(reply_), what = std::make_shared<result<T>>(std::move(what))] {
      reply(std::move(*what));
    });
    quit();
  }

  /// For `.then`: the actor asked is gone.
  [[nodiscard]] auto on_error() {
    return [this](const caf::error&) {
      answer(failure{errc::shutting_down, "the server is stopping"});
    };
  }

  /// No time-out of its own: the deadline is that of the whole question.
  template <class Receiver, class... Ts>
  [[nodiscard]] auto ask(const Receiver& receiver, Ts&&... question) {
    return request(receiver, caf::infinite, std::forward<Ts>(question)...);
  }
  /// Asks the robot table; `use` gets the row, or nullptr if there is none. Failures are answered.
  template <class Use>
  void ask_row(const std::string& robot, Use use) {
    ask(reader_for(robot), state_atom_v, robot)
        .then(
            [this, use = std::move(use)](const result<std::optional<robot_row>>& row) {
              if (!row)
                answer(row.error());
              else
                use(*row ? &**row : nullptr);
            },
            on_error());
  }
  [[nodiscard]] const shard_actor& shard_for(std::string_view robot) const {
    return context_.shards[shard_index(robot)];
  }
  [[nodiscard]] const reader_actor& reader_for(std::string_view robot) const {
    return context_.reader_of(shard_index(robot));
  }
  [[nodiscard]] std::uint32_t shard_index(std::string_view robot) const {
    return shard_of(name_hash(robot), static_cast<std::uint32_t>(context_.shards.size()));
  }

  engine_context& context_;

private:
  caf::behavior make_behavior() final {
    begin();
    return {[this](expired_atom) { expire(); }};
  }

  void expire() {
    // A slow question is the asker's matter; a store that is away is ours, and passes.
    if (auto trouble = context_.credit.store_trouble())
      return answer(failure{errc::unavailable, std::move(*trouble)});
    answer(failure{errc::timeout, "no answer within query.timeout"});
  }

  net::io_thread& io_;
  net::callback<T> reply_;
  query_deadlines::place deadline_;
};

/// Starts a query actor and runs it here, on the asker's I/O thread, as far as it gets without
/// waiting; shards that it asks run here too unless they are busy. Hidden: a stop does not wait.
template <class Query, class... Ts>
void start(engine_context& context, net::io_thread& io, Ts&&... arguments) {
  auto& unit = context.lanes[io.index()]->queries();
  caf::actor_config config{&unit};
  context.writer->home_system().spawn_class<Query, caf::hidden>(
      config, std::ref(context), std::ref(io), std::forward<Ts>(arguments)...);
  unit.run();
}

} // namespace telemetry::query
