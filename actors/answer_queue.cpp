#include "actors/answer_queue.hpp"

#include <stdexcept>

namespace telemetry {

void answered_without_outcome() {
  throw std::logic_error("an event was answered before its outcome was known");
}

void answer_queue::submit(const permitted_event& event, lane& to, participant& who) {
  if (runs_.empty() || !to.current() || runs_.back().source != to.current())
    runs_.push({to.join(who), 0});
  credit_ = &to.context().credit;
  const auto [shard, index] = to.add(event);
  ++runs_.back().lines;
  lines_.push({index, shard});
}

void answer_queue::refuse(std::string reason) {
  if (runs_.empty())
    runs_.push({nullptr, 0});
  ++runs_.back().lines;
  lines_.push({0, refused});
  refusal_bytes_ += bytes_of(reason);
  refusals_.push(std::move(reason));
  charge_refusals();
}

std::optional<answer_queue::answer> answer_queue::next() {
  if (size() == 0)
    return std::nullopt;
  while (runs_.front().lines == 0)
    runs_.pop();
  auto& front = runs_.front();
  const auto [index, shard] = lines_.front();
  answer out{verdict::accepted, {}, -1};
  if (shard == refused) {
    last_refusal_ = std::move(refusals_.front());
    refusals_.pop();
    refusal_bytes_ -= bytes_of(last_refusal_);
    charge_refusals();
    out.refusal = last_refusal_;
  } else {
    if (!front.source->committed)
      return std::nullopt;
    const auto& part = front.source->slices[shard];
    out.what = part.verdicts[index];
    if (out.what == verdict::pending)
      return std::nullopt;
    if (out.what == verdict::stale)
      out.seal_point = part.seal_points[index];
  }
  --front.lines;
  lines_.pop();
  if (lines_.empty())
    clear();
  return out;
}

std::size_t answer_queue::bytes_of(const std::string& refusal) {
  return sizeof(line) + sizeof(std::string) + refusal.size();
}

void answer_queue::charge_refusals() {
  if (credit_ == nullptr)
    return;
  if (refusal_bytes_ >= charged_bytes_ + portion_bytes)
    credit_->add(charge::received, refusal_bytes_ - charged_bytes_);
  else if (charged_bytes_ >= refusal_bytes_ + portion_bytes)
    credit_->remove(charge::received, charged_bytes_ - refusal_bytes_);
  else
    return;
  charged_bytes_ = refusal_bytes_;
}

void answer_queue::clear() {
  lines_.clear();
  runs_.clear();
  refusals_.clear();
  refusal_bytes_ = 0;
  if (charged_bytes_ > 0)
    credit_->remove(charge::received, std::exchange(charged_bytes_, 0));
}

} // namespace telemetry
