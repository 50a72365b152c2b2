#include "storage/mysql/call_watch.hpp"

namespace telemetry::detail {

call_watch::call::call(call_watch* watch) : watch_(watch) {
  if (watch_ != nullptr)
    watch_->begin();
}

call_watch::call::~call() {
  if (watch_ != nullptr)
    watch_->end(answered_);
}

void call_watch::begin() {
  const std::scoped_lock lock(mutex_);
  const auto now = now_();
  if (!unanswered_since_ || !is_asked(now))
    unanswered_since_ = now;
  ++waiting_;
}

void call_watch::end(bool answered) {
  const std::scoped_lock lock(mutex_);
  --waiting_;
  last_end_ = now_();
  if (answered)
    unanswered_since_ = waiting_ > 0 ? std::optional(last_end_) : std::nullopt;
}

std::chrono::milliseconds call_watch::silence() const {
  const std::scoped_lock lock(mutex_);
  const auto now = now_();
  if (!unanswered_since_ || !is_asked(now))
    return {};
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - *unanswered_since_);
}

bool call_watch::is_asked(clock::time_point now) const {
  return waiting_ > 0 || now - last_end_ <= pause_max;
}

} // namespace telemetry::detail
