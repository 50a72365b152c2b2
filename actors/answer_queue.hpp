#pragma once

#include "actors/lane.hpp"
#include "core/fifo.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace telemetry {

/// Ends the process, because an event was about to be answered without an outcome. A bug.
[[noreturn]] void answered_without_outcome();

/// The verdicts of one producer's event lines, in the order in which it sent them.
///
/// Thread: the I/O thread of its lane.
class answer_queue {
public:
  answer_queue() = default;
  answer_queue(const answer_queue&) = delete;
  answer_queue& operator=(const answer_queue&) = delete;
  ~answer_queue() { clear(); }

  struct answer {
    verdict what;             ///< an outcome: neither pending nor sealed
    std::string_view refusal; ///< error text of a refused line, else empty. Valid until next().
    timestamp_ms seal_point;  ///< set only if the verdict is stale
  };

  /// Adds an event to the lane `to`. After the commit of the event, the lane calls
  /// who.on_verdicts().
  void submit(const permitted_event& event, lane& to, participant& who);
  /// A line that was refused before the journal. Behind an event whose answer is not known it is
  /// kept, and then charged to the node's credit like that event.
  void refuse(std::string reason);

  /// Takes the next answer off the queue. @returns nullopt if its verdict is not known yet, or the
  /// queue is empty.
  [[nodiscard]] std::optional<answer> next();

  /// Number of lines without an answer taken.
  [[nodiscard]] std::size_t size() const noexcept { return lines_.size(); }
  /// Drops all lines, because the producer has gone.
  void clear();

private:
  struct line {
    std::uint32_t index;
    std::uint32_t shard;
  };
  static constexpr std::uint32_t refused = UINT32_MAX; ///< in line::shard

  /// Consecutive lines that share a submission.
  struct run {
    submission_ptr source; ///< nullptr if all lines are refused
    std::size_t lines;
  };

  /// Refusals are charged in portions of this size, so that the few of a usual read cost no charge.
  static constexpr std::size_t portion_bytes = 4'096;

  [[nodiscard]] static std::size_t bytes_of(const std::string& refusal);
  void charge_refusals();

  fifo<line> lines_;
  fifo<run> runs_;
  fifo<std::string> refusals_;
  std::string last_refusal_;
  byte_credit* credit_ = nullptr; ///< of the lane of the latest submit()
  std::size_t refusal_bytes_ = 0; ///< of refusals_
  std::size_t charged_bytes_ = 0; ///< the same, as the credit has it
};

} // namespace telemetry
