#include "actors/answer_queue.hpp"

namespace telemetry {

void answer_queue::submit(const event_view& event, lane& to, const caf::actor& participant) {
  if (runs_.empty() || !to.current() || runs_.back().source != to.current())
    runs_.push_back({to.join(participant), 0});
  const auto [shard, index] = to.add(event);
  ++runs_.back().lines;
  lines_.push_back({index, shard});
}

void answer_queue::refuse(std::string reason) {
  if (runs_.empty())
    runs_.push_back({nullptr, 0});
  ++runs_.back().lines;
  lines_.push_back({0, refused});
  refusals_.push_back(std::move(reason));
}

std::optional<answer_queue::answer> answer_queue::next() {
  if (size() == 0)
    return std::nullopt;
  while (runs_.front().lines == 0)
    runs_.pop_front();
  auto& front = runs_.front();
  const auto [index, shard] = lines_[head_];
  answer out{verdict::accepted, {}, -1};
  if (shard == refused) {
    last_refusal_ = std::move(refusals_.front());
    refusals_.pop_front();
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
  if (++head_ == lines_.size())
    clear();
  else if (head_ >= lines_.size() - head_) { // moves each line once for every one answered
    lines_.erase(lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  return out;
}

void answer_queue::clear() {
  lines_.clear();
  head_ = 0;
  runs_.clear();
  refusals_.clear();
}

} // namespace telemetry
