#pragma once

#include <caf/all.hpp>

#include <cstdint>
#include <memory>

namespace telemetry {

namespace query {

class query_actor;

/// The work of a query actor: one question of a client, from its first message to its answer.
class question {
public:
  virtual ~question() = default;
  /// Sends the first message. `by` owns the question, and runs it until query_actor::done().
  virtual void begin(query_actor& by) = 0;
  /// The deadline has passed. Answers with a failure.
  virtual void expire() = 0;
};
using question_ptr = std::shared_ptr<question>;

} // namespace query
} // namespace telemetry

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::query::question_ptr)

namespace telemetry::query {

/// QUERY: works on one question at a time, and is used again for later questions. It does not end
/// after each question, because the end of an actor wakes the thread of CAF's clock, which takes as
/// long as the whole answer. After a failure it ends nevertheless, because a late answer to the
/// failed question must not reach the next one.
class query_actor final : public caf::event_based_actor {
public:
  static inline const char* const actor_name = "query";

  using caf::event_based_actor::event_based_actor;
  [[nodiscard]] const char* name() const override { return actor_name; }

  /// Number of the current question. An expired_atom with another number belongs to an earlier one.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// Ends the current question. The actor may get another one if `is_good`.
  /// @returns the question, so that an idle actor does not hold it. The caller, mostly a member
  ///          function of the question, must release it last.
  [[nodiscard]] question_ptr done(bool is_good);

protected:
  caf::behavior make_behavior() override;

private:
  question_ptr current_;
  std::uint64_t number_ = 0;
};

} // namespace telemetry::query
