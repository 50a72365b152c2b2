#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace telemetry::net {

/// Finds out whether a producer waits for its answers, or sends at its own pace. The bytes of the
/// latter may be gathered: they wait a little for those of other connections (ADR 0059).
///
/// The difference shows in the rate: a producer that waits sends less if its bytes are gathered,
/// and more when they are read at once again. So bytes are gathered on trial, early if reads do not
/// come soon after answers. If they then come in several intervals in a row, they are read at once
/// for a few times, to compare the rates. After each result the next trial, or the next comparison,
/// comes later. Bytes that come in few intervals need no comparison, because the delay is a small
/// part of the time between them.
///
/// Thread: one at a time.
class producer_pace {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// @param interval of gathered reads; 0: nothing is ever gathered.
  explicit producer_pace(std::chrono::milliseconds interval) noexcept;

  /// Bytes of an answer were sent.
  void note_answer(time_point now) noexcept { answered_ = now; }
  /// A read brought `lines` lines.
  void note_read(time_point now, std::size_t lines) noexcept;
  /// Whether bytes may wait from now on.
  [[nodiscard]] bool may_gather() const noexcept { return state_ == state::gathered; }

private:
  enum class state : std::uint8_t { prompt, gathered, compared };

  /// Reads since a point in time.
  struct tally {
    time_point since;
    std::uint32_t reads = 0;
    std::uint32_t lines = 0; ///< without those of the read at `since`

    void begin(time_point now) noexcept { *this = {now}; }
    void add(std::size_t more) noexcept {
      ++reads;
      lines += static_cast<std::uint32_t>(more);
    }
    /// Lines per second.
    [[nodiscard]] double rate(time_point now) const noexcept {
      return lines / std::chrono::duration<double>(now - since).count();
    }
  };

  void note_prompt(time_point now, std::size_t lines) noexcept;
  void note_gathered(time_point now, bool is_in_a_row) noexcept;
  void note_compared(time_point now) noexcept;
  void enter(state next, time_point now) noexcept;

  std::chrono::milliseconds interval_;
  time_point answered_{};
  time_point read_{};          ///< time of the latest read
  tally tally_{};              ///< of this state; while gathered, of the reads in a row
  double gathered_rate_ = 0;   ///< of the reads in a row before this comparison
  std::uint32_t patience_ = 0; ///< reads until the next trial; 0: no trial has failed
  std::uint32_t row_needed_;   ///< reads in a row until the next comparison
  /// A bit for each of the last eight reads: it came soon after an answer. One that did not makes a
  /// new connection seem paced, but not one that has waited several times.
  std::uint8_t waited_ = 0b1111'1100;
  state state_ = state::prompt;
  std::uint8_t unsettled_ = 0; ///< reads that are not counted, because the state is new
};

} // namespace telemetry::net
