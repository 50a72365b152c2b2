#pragma once

#include "actors/lane.hpp"
#include "core/fifo.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace telemetry {

/// What became of the events of one producer, in the order in which it sent them.
///
/// Thread: its lane's.
class answer_queue {
public:
  answer_queue() = default;
  answer_queue(const answer_queue&) = delete;
  answer_queue& operator=(const answer_queue&) = delete;
  ~answer_queue() { clear(); }

  struct answer {
    verdict what;             ///< never pending
    std::string_view refusal; ///< why the line is no event; empty if it is one. Valid until next().
    timestamp_ms seal_point;  ///< if stale
  };

  /// Hands an event to `to`; its answer comes with the commit. `who` is told then.
  void submit(const event_view& event, lane& to, participant& who);
  /// A line that was refused before the journal. Behind an event whose answer is not known it is
  /// kept, and then charged to the node's credit like that event.
  void refuse(std::string reason);

  /// Takes the next answer, if it is known by now.
  [[nodiscard]] std::optional<answer> next();

  [[nodiscard]] std::size_t size() const noexcept { return lines_.size(); }
  /// Forgets everything: nobody is there to be answered.
  void clear();

private:
  struct line {
    std::uint32_t index;
    std::uint32_t shard;
  };
  static constexpr std::uint32_t refused = UINT32_MAX; ///< as a line's shard

  /// Consecutive lines that share a submission.
  struct run {
    submission_ptr source; ///< nullptr: refused lines only
    std::size_t lines;
  };

  /// What refusals take is charged in such portions, so that the few of a usual read cost nothing.
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
