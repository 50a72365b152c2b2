#include "net/producer_pace.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace telemetry::net {

namespace {

constexpr std::chrono::milliseconds soon{2}; // longer than a round trip in most local networks
constexpr std::size_t many_lines = 8;        // share a read and a commit without being gathered
constexpr int waited_least = 6;              // of eight
constexpr std::uint32_t patience_least = 256;
constexpr std::uint32_t patience_most = 4'096;
constexpr std::uint32_t row_least = 4;
constexpr std::uint32_t row_most = 4'096;
constexpr std::uint32_t compared_reads = 8;
/// After a change the first reads do not show the rate. Nagle's algorithm sends what was written
/// since the last acknowledgement, which comes with the answer.
constexpr std::uint8_t unsettled_reads = 2;
constexpr double faster = 1.5; // as much faster are reads at once if the producer waits

} // namespace

producer_pace::producer_pace(std::chrono::milliseconds interval) noexcept
    : interval_(interval), row_needed_(row_least) {}

void producer_pace::note_read(time_point now, std::size_t lines) noexcept {
  if (interval_.count() == 0)
    return;
  const auto last = std::exchange(read_, now);
  if (last == time_point{}) // the first read tells nothing
    return tally_.begin(now);
  if (unsettled_ > 0) {
    --unsettled_;
    return tally_.begin(now);
  }
  const auto since_last = now - last;
  tally_.add(lines);
  switch (state_) {
  case state::prompt:
    return note_prompt(now, lines);
  case state::gathered:
    return note_gathered(now, since_last <= interval_ * 5 / 2);
  case state::compared:
    return note_compared(now);
  }
}

void producer_pace::note_prompt(time_point now, std::size_t lines) noexcept {
  const bool has_many = lines >= many_lines;
  const bool has_waited = has_many || now - answered_ <= soon;
  waited_ = static_cast<std::uint8_t>(waited_ << 1 | (has_waited ? 1 : 0));
  const bool seems_paced = patience_ == 0 && std::popcount(waited_) < waited_least;
  if (seems_paced || (!has_many && tally_.reads >= std::max(patience_, patience_least)))
    enter(state::gathered, now);
}

void producer_pace::note_gathered(time_point now, bool is_in_a_row) noexcept {
  if (!is_in_a_row)
    return tally_.begin(now);
  if (tally_.reads < row_needed_)
    return;
  gathered_rate_ = tally_.rate(now);
  enter(state::compared, now);
}

void producer_pace::note_compared(time_point now) noexcept {
  if (tally_.reads < compared_reads)
    return;
  if (tally_.rate(now) > faster * gathered_rate_) { // it waits for its answers
    patience_ = std::clamp(patience_ * 2, patience_least, patience_most);
    row_needed_ = row_least;
    enter(state::prompt, now);
  } else {
    row_needed_ = std::min(row_needed_ * 2, row_most);
    patience_ = 0;
    enter(state::gathered, now);
  }
}

void producer_pace::enter(state next, time_point now) noexcept {
  state_ = next;
  unsettled_ = next == state::prompt ? 0 : unsettled_reads;
  tally_.begin(now);
}

} // namespace telemetry::net
