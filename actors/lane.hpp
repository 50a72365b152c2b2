#pragma once

#include "actors/engine_context.hpp"
#include "actors/inline_unit.hpp"
#include "actors/query_actor.hpp"
#include "net/io_thread.hpp"

#include <functional>
#include <unordered_set>
#include <utility>
#include <vector>

namespace telemetry {

/// Latest timestamp that an event may have now (PROTOCOL.md §2, ingest.future_limit).
[[nodiscard]] timestamp_ms future_limit(const engine_context& context);
inline constexpr std::string_view future_refusal =
    "timestamp is too far ahead of the server's clock";
/// The event may be kept in the journal all the same; to send it again is safe.
inline constexpr std::string_view damaged_refusal =
    "the stored data of this robot is damaged, send the event again later";

/// Somebody with answers to write.
class flushable {
public:
  virtual ~flushable() = default;
  virtual void flush() = 0;
};

/// An actor of a lane with events in submissions. Its lane and its session are its owners: they run
/// it inline, and what comes with every read and every commit is a call, as for robots
/// (docs/adr/0048).
class participant : public caf::event_based_actor {
public:
  using caf::event_based_actor::event_based_actor;
  /// Verdicts of its events are in.
  virtual void on_verdicts() = 0;
};

/// The engine's side of one I/O thread: gathers what its connections receive into submissions, and
/// runs those connections when their verdicts are in.
///
/// Thread: its I/O thread, but for the static functions, which any thread may call.
class lane {
public:
  lane(engine_context& context, net::io_thread& io);
  ~lane();

  /// An event's place in the current submission.
  struct place {
    std::uint32_t shard;
    std::uint32_t index;
  };
  /// Adds an event to the current submission, which goes to the journal at the end of this turn
  /// of the I/O thread.
  place add(const event_view& event);

  /// The submission that add() fills, with `who` among those told of its verdicts.
  const submission_ptr& join(participant& who);
  /// The submission being filled; nullptr if none is.
  [[nodiscard]] const submission_ptr& current() const noexcept { return current_; }

  /// `who` gets a retry_atom when the gate opens. @pre the gate is closed.
  void await_gate(const caf::actor& who);
  /// Has `who` write its answers once no actor runs, in one go; `keep` keeps it alive.
  void flush_later(caf::actor keep, flushable& who);

  /// Has those who wait for the gate look again: it opened.
  void poke_waiting();
  /// Has every member look again: the store has been away for too long.
  void poke_all();

  /// Members get a retry_atom from poke_all().
  void enlist(const caf::actor& member) { members_.insert(member); }
  void dismiss(const caf::actor& member) { members_.erase(member); }

  [[nodiscard]] inline_unit& unit() noexcept { return unit_; }
  /// Has a query actor work on `what`, here, as far as it gets without waiting. An answer that is
  /// there by then is given before this returns.
  void run_query(query::question_ptr what);
  /// Whether `query` is run by run_query() just now: on this thread, that is.
  [[nodiscard]] bool runs(const query::query_actor& query) const noexcept {
    return query.context() == &queries_unit_;
  }
  /// Has run_query() give an answer once no query runs. @pre runs() whose answer it is.
  void give(std::function<void()> answer) { answers_.push_back(std::move(answer)); }
  /// `idle` may work on the next.
  void keep_query(const caf::actor& idle);
  [[nodiscard]] net::io_thread& io() noexcept { return io_; }
  [[nodiscard]] engine_context& context() noexcept { return context_; }

  /// `commit` is durable and applied: has its connections answer, by one post per I/O thread.
  static void answer(const commit_ptr& commit);
  /// The verdict of this event of `source` will come later than its commit, by answer_late().
  /// Charges it to the node's credit until then: while the store is away, producers that reconnect
  /// send what they have no answer to again and again.
  [[nodiscard]] static verdict_place defer(submission& source, std::uint32_t shard,
                                           std::uint32_t index);
  /// Gives verdicts of deferred events.
  static void answer_late(late_verdicts verdicts);

private:
  void give_answers() noexcept;
  void schedule_end_of_turn();
  void end_turn();
  void tell(const submission& about);
  void tell_late(std::span<const late_verdict> verdicts);
  void flush_all();

  engine_context& context_;
  net::io_thread& io_;
  inline_unit unit_;
  inline_unit queries_unit_;
  std::vector<caf::actor> idle_queries_;
  std::vector<std::function<void()>> answers_; ///< to be given by run_query(), in any order
  submission_ptr current_;
  bool turn_scheduled_ = false;
  /// Per shard, what its slice held lately: room to make at once for the next one that is used.
  struct slice_size {
    std::size_t items = 0;
    std::size_t bytes = 0;
  };
  std::vector<slice_size> usual_;
  std::vector<std::pair<caf::actor, flushable*>> unflushed_;
  std::vector<caf::actor> waiting_; ///< for the gate
  std::unordered_set<caf::actor> members_;
};

} // namespace telemetry
