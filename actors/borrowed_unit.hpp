#pragma once

#include <caf/all.hpp>

#include <utility>
#include <vector>

namespace telemetry {

/// Runs an actor of the scheduler on the caller's thread if it has nothing to do just now. Waking a
/// worker costs more than a short message does; here it costs nothing.
///
/// Whoever unblocks a mailbox owns the run, so an actor is never run twice at once: one that runs
/// elsewhere gets the message there. What it sends by `self->send` and what it answers is run here
/// as well, and what is left after a few messages goes to the scheduler.
///
/// Thread-safety: none; one unit belongs to one thread.
class borrowed_unit final : public caf::execution_unit {
public:
  explicit borrowed_unit(caf::actor_system& system) : caf::execution_unit(&system) {}

  void exec_later(caf::resumable* actor) override { ready_.push_back(actor); }

  /// Delivers a message without a sender, and runs whoever it unblocks. Nested calls only queue.
  template <class Handle, class... Ts>
  void deliver(const Handle& receiver, Ts&&... content) {
    caf::actor_cast<caf::abstract_actor*>(receiver)->eq_impl(caf::make_message_id(), nullptr, this,
                                                             std::forward<Ts>(content)...);
    run();
  }

  /// Runs what was unblocked through this unit.
  void run() {
    if (std::exchange(is_running_, true))
      return;
    while (!ready_.empty()) {
      auto* actor = ready_.back();
      ready_.pop_back();
      switch (actor->resume(this, messages_per_run)) {
      case caf::resumable::resume_later:
        system().scheduler().enqueue(actor);
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
  static constexpr std::size_t messages_per_run = 16;
  std::vector<caf::resumable*> ready_;
  bool is_running_ = false;
};

} // namespace telemetry
