#pragma once

#include "core/result.hpp"
#include "core/robot_track.hpp"

#include <functional>
#include <span>
#include <string_view>

namespace telemetry {

/// What a batch holds. Stored: never renumber.
enum class record_kind : std::uint8_t { events = 1 };

/// One entry of the log of one shard (rule 1).
struct journal_batch {
  std::uint32_t shard;
  std::uint64_t epoch; ///< of the shard's owner; 1 on a single node
  batch_stamp stamp;
  record_kind kind = record_kind::events;
  /// The payload is the concatenation of these parts; may be empty (a tick, rule 5).
  std::span<const std::string_view> payload;
};

/// Durable log of what was received and not yet checkpointed.
///
/// Thread-safety: none, except free_bytes(). One owner, the journal writer, calls it on its own
/// thread. Blocking: append() waits for the disk. Never call it from a scheduled actor or an I/O
/// thread. Errors: through result<>; no exception leaves this interface.
class journal {
public:
  virtual ~journal() = default;

  /// Appends all of `batches`, or none, as far as is known. On success they survive kill -9 and
  /// power loss. The same batches may be appended again after an error (rule 6).
  /// @pre batch numbers continue each shard's last one without a hole.
  /// @returns errc::no_space, errc::unavailable (retry the same batches), errc::sync_failed or
  ///          errc::write_failed (end the process), errc::fenced (another node owns the shard:
  ///          stop), errc::corrupt (an engine that keeps the end of each shard found another one:
  ///          end the process).
  [[nodiscard]] virtual result<void> append(std::span<const journal_batch> batches) = 0;

  /// Called once per entry, in batch order; an error ends the replay and is passed on.
  using visitor = std::function<result<void>(const journal_batch&)>;

  /// Visits the entries of `shard` with batch_no > `after`, in order. Nothing an entry points to
  /// outlives its visit.
  /// @returns errc::corrupt with the place, if an entry is damaged or a number is missing.
  [[nodiscard]] virtual result<void> replay(std::uint32_t shard, std::uint64_t after,
                                            const visitor& visit) = 0;

  /// Largest batch_no of `shard` in the journal. If there is none: 0, or the largest one ever
  /// appended from an engine that keeps it.
  [[nodiscard]] virtual result<std::uint64_t> last_batch(std::uint32_t shard) = 0;

  /// Forgets the entries of `shard` up to and including `upto`. Need not be durable (rule 21).
  [[nodiscard]] virtual result<void> trim(std::uint32_t shard, std::uint64_t upto) = 0;
};

} // namespace telemetry
