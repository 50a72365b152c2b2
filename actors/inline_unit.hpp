#pragma once

#include <caf/all.hpp>

#include <utility>
#include <vector>

namespace telemetry {

/// Runs actors in place, on the caller's thread: the shard its robots, an I/O thread its
/// connections. A message delivered this way costs a third of one through the scheduler.
///
/// An actor run by a unit must get its messages through that unit alone, so that whoever unblocks
/// its mailbox is also the one who runs it. Inside such an actor `self->send` would run the
/// receiver inline too: use caf::anon_send to hand over to the scheduler.
///
/// Thread-safety: none; one unit belongs to one owner.
class inline_unit final : public caf::execution_unit {
public:
  explicit inline_unit(caf::actor_system& system) : caf::execution_unit(&system) {}

  void exec_later(caf::resumable* actor) override { ready_.push_back(actor); }

  /// Delivers a message to `receiver` and runs it until its mailbox is empty. A nested call for an
  /// actor that is already running here only queues the message: it runs before the outer returns.
  template <class... Ts>
  void deliver(const caf::actor& receiver, Ts&&... content) {
    caf::actor_cast<caf::abstract_actor*>(receiver)->eq_impl(caf::make_message_id(), nullptr, this,
                                                             std::forward<Ts>(content)...);
    run();
  }

private:
  void run() {
    while (!ready_.empty()) {
      auto* actor = ready_.back();
      ready_.pop_back();
      switch (actor->resume(this, messages_per_run)) {
      case caf::resumable::resume_later:
        ready_.push_back(actor);
        break;
      case caf::resumable::awaiting_message:
      case caf::resumable::done:
      case caf::resumable::shutdown_execution_unit:
        caf::intrusive_ptr_release(actor);
        break;
      }
    }
  }

  static constexpr std::size_t messages_per_run = 1000;
  std::vector<caf::resumable*> ready_;
};

} // namespace telemetry
