#pragma once

#include <caf/all.hpp>

#include <cstdint>
#include <memory>

namespace telemetry {

namespace query {

class query_actor;

/// What a query actor is at: one question of a client, from its first message to its answer.
class question {
public:
  virtual ~question() = default;
  /// Asks the first message. `by` keeps it, and runs it until it says query_actor::done().
  virtual void begin(query_actor& by) = 0;
  /// It has taken too long.
  virtual void expire() = 0;
};
using question_ptr = std::shared_ptr<question>;

} // namespace query
} // namespace telemetry

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::query::question_ptr)

namespace telemetry::query {

/// QUERY: works on one question at a time, then on the next: an actor that ends wakes the thread of
/// CAF's clock, which costs as much as the whole answer. One with an answer still to come, after a
/// failure, ends all the same: that answer is not for the next question.
class query_actor final : public caf::event_based_actor {
public:
  static inline const char* const actor_name = "query";

  using caf::event_based_actor::event_based_actor;
  [[nodiscard]] const char* name() const override { return actor_name; }

  /// Of the question at hand; an expired_atom with another number is an old one's.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// The question is answered, and the actor is free for another if `is_good`.
  /// @returns the question. The caller, which is most likely its member function, lets go of it as
  ///          the last thing it does, so that an idle actor keeps no memory of it.
  [[nodiscard]] question_ptr done(bool is_good);

protected:
  caf::behavior make_behavior() override;

private:
  question_ptr current_;
  std::uint64_t number_ = 0;
};

} // namespace telemetry::query
