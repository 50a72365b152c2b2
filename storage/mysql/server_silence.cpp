#include "storage/mysql/server_silence.hpp"

namespace telemetry::mysql {

server_silence::call::call(server_silence* watch) : watch_(watch) {
  if (watch_ != nullptr)
    watch_->begin();
}

server_silence::call::~call() {
  if (watch_ != nullptr)
    watch_->end(answered_);
}

void server_silence::begin() {
  const std::scoped_lock lock(mutex_);
  const auto now = now_();
  if (!unanswered_since_ || !is_asked(now))
    unanswered_since_ = now;
  ++waiting_;
}

void server_silence::end(bool answered) {
  const std::scoped_lock lock(mutex_);
  --waiting_;
  last_end_ = now_();
  if (answered)
    unanswered_since_ = waiting_ > 0 ? std::optional(last_end_) : std::nullopt;
}

std::chrono::milliseconds server_silence::silence() const {
  const std::scoped_lock lock(mutex_);
  const auto now = now_();
  if (!unanswered_since_ || !is_asked(now))
    return {};
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - *unanswered_since_);
}

bool server_silence::is_asked(clock::time_point now) const {
  return waiting_ > 0 || now - last_end_ <= pause_max;
}

} // namespace telemetry::mysql
