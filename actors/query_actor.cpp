#include "actors/query_actor.hpp"

#include "actors/messages.hpp"

namespace telemetry::query {

caf::behavior query_actor::make_behavior() {
  return {
      [this](const question_ptr& next) {
        current_ = next;
        ++number_;
        current_->begin(*this);
      },
      [this](expired_atom, std::uint64_t number) {
        if (number == number_ && current_)
          current_->expire();
      },
  };
}

question_ptr query_actor::done(bool is_good) {
  ++number_;
  if (!is_good)
    quit();
  return std::move(current_);
}

} // namespace telemetry::query
