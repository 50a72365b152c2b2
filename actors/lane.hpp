#pragma once

#include "actors/engine_context.hpp"
#include "actors/inline_unit.hpp"
#include "actors/query_actor.hpp"
#include "core/name_filter.hpp"
#include "net/io_thread.hpp"

#include <functional>
#include <unordered_set>
#include <utility>
#include <vector>

namespace telemetry {

/// Largest timestamp that an event may have at this time (PROTOCOL.md §2, ingest.future_limit).
[[nodiscard]] timestamp_ms future_limit(const engine_context& context);
inline constexpr std::string_view future_refusal =
    "timestamp is too far ahead of the server's clock";
inline constexpr std::string_view right_refusal = "not allowed for this robot";
/// The event may nevertheless be in the journal. Sending it again is safe.
inline constexpr std::string_view damaged_refusal =
    "the stored data of this robot is damaged, send the event again later";

/// An object with answers that wait to be written.
class flushable {
public:
  virtual ~flushable() = default;
  virtual void flush() = 0;
};

/// An actor of a lane with events in submissions. Its lane and its session own it and run it
/// inline. Every read and every commit is a function call instead of a message, as for robots
/// (ADR 0048).
class participant : public participant_actor::base {
public:
  using participant_actor::base::base;
  /// Called when verdicts of its events have arrived.
  virtual void on_verdicts() = 0;
};

/// The engine's side of one I/O thread. It collects the events of its connections into submissions,
/// and runs the connections when their verdicts arrive (ADR 0004).
///
/// Thread: its I/O thread, except for the static functions, which any thread may call.
/// Blocking: never.
class lane {
public:
  lane(engine_context& context, net::io_thread& io);
  ~lane();

  /// A commit takes whole submissions, at least one. Therefore this limit bounds by how much a
  /// commit may exceed the room in memory.
  static constexpr std::size_t submission_events_max = 4'096;

  /// An event's place in the current submission.
  struct place {
    std::uint32_t shard;
    std::uint32_t index;
  };
  /// Adds an event to the current submission. The submission goes to the journal at the end of this
  /// turn of the I/O thread, or earlier when it has `submission_events_max` events.
  place add(const permitted_event& event);

  /// Adds `who` to the participants of the submission that add() fills. @returns the submission.
  const submission_ptr& join(participant& who);
  /// The submission that add() fills; nullptr if there is none.
  [[nodiscard]] const submission_ptr& current() const noexcept { return current_; }

  /// `who` gets a look_again_atom when the node's credit opens. @pre the credit is closed.
  void await_credit(const participant_actor& who);
  /// Has `who` write its answers once no actor runs, in one go; `keep` keeps it alive.
  void flush_later(participant_actor keep, flushable& who);

  /// The node's credit opened: sends a look_again_atom to every participant of await_credit().
  void on_credit_open();
  /// The journal has been away for ingest.stall_limit or longer: sends a look_again_atom to every
  /// member.
  void on_stall();

  /// Members get a look_again_atom from on_stall().
  void enlist(const participant_actor& member) { members_.insert(member); }
  void dismiss(const participant_actor& member) { members_.erase(member); }

  [[nodiscard]] inline_unit& unit() noexcept { return unit_; }
  /// Gives the question `what` to a query actor, and runs the actor here until it waits. If the
  /// answer is known by then, it is given before this function returns.
  void run_query(query::question_ptr what);
  /// Whether run_query() currently runs `query`, and thus on this thread.
  [[nodiscard]] bool runs(const query::query_actor& query) const noexcept {
    return query.context() == &queries_unit_;
  }
  /// Makes run_query() call `answer` once no query runs. @pre runs() the query that answers.
  void give(std::function<void()> answer) { answers_.push_back(std::move(answer)); }
  /// Keeps the query actor `idle` for a later question.
  void keep_query(const caf::actor& idle);
  [[nodiscard]] net::io_thread& io() noexcept { return io_; }
  [[nodiscard]] engine_context& context() noexcept { return context_; }

  /// Makes the connections with events in `commit` answer, by one post per I/O thread.
  /// @pre `commit` is durable and applied.
  static void answer(const commit_ptr& commit);
  /// Defers the verdict of an event of `source` to a later answer_late(). The submission is charged
  /// to the node's credit until then, because producers that reconnect while the store is away send
  /// their unanswered events repeatedly.
  [[nodiscard]] static verdict_place defer(submission& source, std::uint32_t shard,
                                           std::uint32_t index);
  /// Delivers verdicts of deferred events.
  static void answer_late(late_verdicts verdicts);

private:
  void give_answers() noexcept;
  void schedule_end_of_turn();
  void end_turn();
  void hand_over();
  void tell(const submission& about);
  void tell_late(std::span<const late_verdict> verdicts);
  void flush_all();

  engine_context& context_;
  net::io_thread& io_;
  inline_unit unit_;
  inline_unit queries_unit_;
  std::vector<caf::actor> idle_queries_;
  std::vector<std::function<void()>> answers_; ///< run_query() calls them, in any order
  submission_ptr current_;
  bool turn_scheduled_ = false;
  /// Size of the last slices of a shard, to reserve memory for the next one.
  struct slice_size {
    std::size_t items = 0;
    std::size_t bytes = 0;
  };
  std::vector<slice_size> usual_;
  std::vector<std::pair<participant_actor, flushable*>> unflushed_;
  std::vector<participant_actor> waiting_; ///< for the credit
  std::unordered_set<participant_actor> members_;
};

} // namespace telemetry
