#pragma once

#include <caf/all.hpp>

#include <utility>
#include <vector>

namespace telemetry {

/// Runs actors in place, on the caller's thread. A message delivered this way costs a third of one
/// through the scheduler, because no worker has to be woken.
///
/// The actor that unblocks a mailbox owns the run, so no actor ever runs twice at once: an actor
/// that is running elsewhere gets the message there. Inside an actor that a unit runs, `self->send`
/// and answers run their receivers in the same unit; caf::anon_send hands over to the scheduler.
///
/// Thread-safety: none. A unit belongs to one owner.
class inline_unit final : public caf::execution_unit {
public:
  /// What happens to an actor that still has messages after its share of a run.
  enum class leftover {
    /// It goes on here. For actors that get their messages through this unit alone: a shard's
    /// robots, an I/O thread's connections. A nested deliver() to an actor that is not running
    /// runs it before it returns.
    runs_here,
    /// It goes on the scheduler after a few messages. For actors of the scheduler that a thread
    /// runs
    /// only while they are idle: shards, queries. A nested deliver() only queues.
    is_handed_over,
  };

  inline_unit(caf::actor_system& system, leftover what)
      : caf::execution_unit(&system), leftover_(what) {}

  void exec_later(caf::resumable* actor) override { ready_.push_back(actor); }

  /// Delivers a message without a sender, and runs the actors that it unblocks. An actor that is
  /// running here already gets the message before its own run ends.
  template <class Handle, class... Ts>
  void deliver(const Handle& receiver, Ts&&... content) {
    caf::actor_cast<caf::abstract_actor*>(receiver)->eq_impl(caf::make_message_id(), nullptr, this,
                                                             std::forward<Ts>(content)...);
    run();
  }

  /// Runs the actors that were unblocked through this unit.
  void run() {
    const bool hands_over = leftover_ == leftover::is_handed_over;
    if (hands_over && std::exchange(is_running_, true))
      return;
    while (!ready_.empty()) {
      auto* actor = ready_.back();
      ready_.pop_back();
      switch (actor->resume(this, hands_over ? messages_before_handover : messages_per_run)) {
      case caf::resumable::resume_later:
        if (hands_over)
          system().scheduler().enqueue(actor);
        else
          ready_.push_back(actor);
        break;
      case caf::resumable::awaiting_message:
      case caf::resumable::done:
      case caf::resumable::shutdown_execution_unit:
        caf::intrusive_ptr_release(actor);
        break;
      }
    }
    is_running_ = false;
  }

private:
  static constexpr std::size_t messages_per_run = 1000;
  static constexpr std::size_t messages_before_handover = 16;

  const leftover leftover_;
  std::vector<caf::resumable*> ready_;
  bool is_running_ = false;
};

} // namespace telemetry
