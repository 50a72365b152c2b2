#pragma once

#include <caf/all.hpp>

#include <utility>
#include <vector>

namespace telemetry {

/// Runs actors in place, on the caller's thread (ADR 0048). A message delivered this way takes a
/// third of the time of a message through the scheduler, because no worker has to be woken.
///
/// The sender that unblocks a mailbox owns the run. Therefore an actor never runs on two threads at
/// once, and an actor that runs elsewhere gets the message there. Inside an actor that a unit runs,
/// `self->send` and answers run their receivers in the same unit. caf::anon_send does not; its
/// receivers run on the scheduler.
///
/// Thread-safety: none. A unit belongs to one owner.
class inline_unit final : public caf::execution_unit {
public:
  /// The treatment of an actor that still has messages after its share of a run.
  enum class leftover {
    /// The actor continues here. For actors that get messages through this unit only: the robots of
    /// a shard, the connections of an I/O thread. A nested deliver() to an actor that does not run
    /// yet runs it before deliver() returns.
    runs_here,
    /// The actor continues on the scheduler after 16 messages. For actors of the scheduler that run
    /// here only if they are idle: shards, queries. A nested deliver() only queues.
    is_handed_over,
  };

  inline_unit(caf::actor_system& system, leftover what)
      : caf::execution_unit(&system), leftover_(what) {}

  void exec_later(caf::resumable* actor) override { ready_.push_back(actor); }

  /// Delivers a message without a sender, and runs the actors that it unblocks. An actor that is
  /// already running in this unit gets the message before its run ends.
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
