#pragma once

#include "actors/lane.hpp"
#include "actors/query_actor.hpp"
#include "core/name_hash.hpp"
#include "net/rest/api.hpp"

#include <caf/all.hpp>

#include <memory>

namespace telemetry::query {

/// What every question has: an asker, an answer that is given once, and a deadline for it.
template <class T>
class base : public question {
public:
  base(engine_context& context, net::io_thread& io, net::callback<T> reply)
      : context_(context), io_(io), reply_(std::move(reply)) {}

protected:
  /// Asks the first actor.
  virtual void start() = 0;
  /// The name of the robot in question; "" if it is about many.
  [[nodiscard]] virtual std::string_view robot() const { return {}; }

  /// Answers within the asker's call if that is where this still runs, otherwise by a post, which
  /// may have to wake its thread. The last thing that a question does: it is destroyed on return.
  void answer(result<T> what) {
    context_.deadlines.end(deadline_);
    if (!what && what.error().code == errc::damaged_row)
      context_.damaged.see(robot(), what.error(), context_.time.steady_ms());
    const bool is_good = what.has_value();
    const question_ptr until_return = self_->done(is_good);
    auto again = is_good ? caf::actor{self_} : caf::actor{};
    auto give = [reply = std::move(reply_), what = std::make_shared<result<T>>(std::move(what)),
                 home = &home(), again = std::move(again)] {
      if (again)
        home->keep_query(again);
      reply(std::move(*what));
    };
    if (home().runs(*self_))
      home().give(std::move(give));
    else
      io_.post(std::move(give));
  }

  /// For `.then`: the actor asked is gone.
  [[nodiscard]] auto on_error() {
    return [this](const caf::error&) {
      answer(failure{errc::shutting_down, "the server is stopping"});
    };
  }

  /// No time-out of its own: the deadline is that of the whole question.
  template <class Receiver, class... Ts>
  [[nodiscard]] auto ask(const Receiver& receiver, Ts&&... message) {
    return self_->request(receiver, caf::infinite, std::forward<Ts>(message)...);
  }
  /// What may be asked of the store here; nullptr unless this still runs on the asker's I/O thread.
  /// Elsewhere there is a thread to wake anyway, and nothing keeps the store open.
  [[nodiscard]] cached_reads* cached() const {
    return home().runs(*self_) ? context_.cached : nullptr;
  }
  /// Asks the robot table; `use` gets the row, or nullptr if there is none. Failures are answered.
  template <class Use>
  void ask_row(const std::string& robot, Use use) {
    if (auto* const memory = cached())
      if (const auto row = memory->cached_robot(robot))
        return use(*row ? &**row : nullptr);
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
  [[nodiscard]] lane& home() const { return *context_.lanes[io_.index()]; }

  void begin(query_actor& by) final {
    self_ = &by;
    deadline_ = context_.deadlines.begin({by.address(), by.number()});
    start();
  }

  void expire() final {
    // A slow question is the asker's matter; a store that is away is ours, and passes.
    if (auto trouble = context_.credit.store_trouble())
      return answer(failure{errc::unavailable, std::move(*trouble)});
    answer(failure{errc::timeout, "no answer within query.timeout"});
  }

  net::io_thread& io_;
  net::callback<T> reply_;
  query_actor* self_ = nullptr; ///< who keeps this
  query_deadlines::place deadline_;
};

/// Has a query actor work on a question here, on the asker's I/O thread, as far as it gets without
/// waiting; shards that it asks run here too unless they are busy.
template <class Question, class... Ts>
void ask(engine_context& context, net::io_thread& io, Ts&&... arguments) {
  context.lanes[io.index()]->run_query(
      std::make_shared<Question>(context, io, std::forward<Ts>(arguments)...));
}

} // namespace telemetry::query
