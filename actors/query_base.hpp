#pragma once

#include "actors/lane.hpp"
#include "actors/query_actor.hpp"
#include "core/name_hash.hpp"
#include "net/rest/api.hpp"

#include <caf/all.hpp>

#include <memory>

namespace telemetry::query {

/// Base of all questions: an asker, one answer of type T, and a deadline.
///
/// Thread: first the asker's I/O thread, later also other threads, one at a time.
template <class T>
class base : public question {
public:
  base(engine_context& context, net::io_thread& io, net::callback<T> reply)
      : context_(context), io_(io), reply_(std::move(reply)) {}

protected:
  /// Sends the first request.
  virtual void start() = 0;
  /// The name of the robot in question; "" if it is about many.
  [[nodiscard]] virtual std::string_view robot() const { return {}; }

  /// Answers within the asker's call, if this still runs there. Otherwise posts the answer to the
  /// asker's I/O thread. Call it last, because it destroys this object.
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

  /// Error handler for `.then`. Requests fail only if their receiver has ended.
  [[nodiscard]] auto on_error() {
    return [this](const caf::error&) {
      answer(failure{errc::shutting_down, "the server is stopping"});
    };
  }

  /// Sends a request without a time-out, because the deadline covers the whole question.
  template <class Receiver, class... Ts>
  [[nodiscard]] auto ask(const Receiver& receiver, Ts&&... message) {
    return self_->request(receiver, caf::infinite, std::forward<Ts>(message)...);
  }
  /// The store's reads from memory; nullptr unless this still runs on the asker's I/O thread. On
  /// other threads it is not used, because the answer has to wake the I/O thread anyway, and the
  /// store may be closed (ADR 0050).
  [[nodiscard]] cached_reads* cached() const {
    return home().runs(*self_) ? context_.cached : nullptr;
  }
  /// Reads the robot table and calls `use` with the row, or with nullptr if there is none. A
  /// failure becomes the answer.
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
  [[nodiscard]] shard_actor shard_for(std::string_view robot) const {
    return context_.places.at(shard_index(robot));
  }
  [[nodiscard]] const reader_actor& reader_for(std::string_view robot) const {
    return context_.reader_of(shard_index(robot));
  }
  [[nodiscard]] std::uint32_t shard_index(std::string_view robot) const {
    return shard_of(name_hash(robot), static_cast<std::uint32_t>(context_.places.size()));
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
    // If the store is away, the question is not to blame for the delay, and may be asked again.
    if (auto trouble = context_.health.store_trouble())
      return answer(failure{errc::unavailable, std::move(*trouble)});
    answer(failure{errc::timeout, "no answer within query.timeout"});
  }

  net::io_thread& io_;
  net::callback<T> reply_;
  query_actor* self_ = nullptr; ///< owns this object
  query_deadlines::place deadline_;
};

/// Starts a Question on `io`, which must be the current thread. A query actor and the shards that
/// it asks run here until they have to wait. Shards that are busy run elsewhere.
template <class Question, class... Ts>
void ask(engine_context& context, net::io_thread& io, Ts&&... arguments) {
  context.lanes[io.index()]->run_query(
      std::make_shared<Question>(context, io, std::forward<Ts>(arguments)...));
}

} // namespace telemetry::query
