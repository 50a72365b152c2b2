#pragma once

#include "core/result.hpp"
#include "core/robot_track.hpp"
#include "core/tenure.hpp"

#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace telemetry {

/// The kind of a batch's payload. The numbers are stored: never change them.
enum class record_kind : std::uint8_t { events = 1 };

/// Epoch of every tenure of a single node, which owns all shards of its database. It is not the
/// number of an opening (paired_journal.hpp). MySQL fences a single node by mysql_database::epoch()
/// instead.
inline constexpr std::uint64_t single_node_epoch = 1;

/// One entry of the log of one shard (rule 1).
struct journal_batch {
  std::uint32_t shard;
  std::uint64_t epoch; ///< of the tenure that writes the batch
  batch_stamp stamp;
  record_kind kind = record_kind::events;
  /// The payload is the concatenation of these parts (docs/formats.md, "Event"). An empty payload
  /// is legal: the batch is a tick (rule 5).
  std::span<const std::string_view> payload;
};

/// Reads the logs of shards.
///
/// Thread-safety: none. One thread at a time. Blocking: every call waits for the disk or the
/// server. Errors: through result<>; no exception leaves this interface.
class journal_reader {
public:
  virtual ~journal_reader() = default;

  /// A tenure begins: from now on its shard is read as of this tenure. Engines with one owner have
  /// one tenure per shard, and ignore this.
  virtual void begin(const tenure& /*of*/) {}

  /// Called once per entry, in order of batch_no. An error ends the replay, which returns it.
  using visitor = std::function<result<void>(const journal_batch&)>;

  /// Visits the entries of `shard` with batch_no > `after`, in order. The memory of an entry is
  /// valid only during its visit.
  /// @returns errc::corrupt with the place, if an entry is damaged or a number is missing;
  ///          errc::fenced if the shard has another owner.
  [[nodiscard]] virtual result<void> replay(std::uint32_t shard, std::uint64_t after,
                                            const visitor& visit) = 0;

  /// Largest batch_no of `shard` in the journal. If the journal has no entry of the shard: the
  /// largest batch_no ever appended if the engine records it, otherwise 0.
  [[nodiscard]] virtual result<std::uint64_t> last_batch(std::uint32_t shard) = 0;
};

/// Durable log of the events that were received and are not checkpointed yet.
///
/// Thread-safety: none. One owner at a time: actors/recovery reads, then the journal writer
/// appends. Blocking: append() waits for the disk or the server. Never call it from a scheduled
/// actor or an I/O thread. Errors: through result<>; no exception leaves this interface.
class journal : public journal_reader {
public:
  /// Appends all of `batches` or none. On success they survive kill -9 and power loss. After an
  /// error it may be unknown which, and the same batches may be appended again (rule 6).
  /// @pre batch numbers continue each shard's last one without a hole.
  /// @returns errc::no_space, errc::unavailable (retry the same batches), errc::sync_failed or
  ///          errc::write_failed (end the process), errc::fenced (other nodes own the shards that
  ///          fenced() names), errc::corrupt (the recorded end of a shard is not the end that this
  ///          process wrote: end the process).
  [[nodiscard]] virtual result<void> append(std::span<const journal_batch> batches) = 0;

  /// The tenures that the last append() found ended. It is unknown whether their batches are
  /// durable. The other batches may be appended again, without those.
  [[nodiscard]] virtual std::vector<tenure> fenced() const { return {}; }

  /// Deletes the entries of `shard` up to and including `upto`. The deletion need not be durable
  /// (rule 21).
  [[nodiscard]] virtual result<void> trim(std::uint32_t shard, std::uint64_t upto) = 0;
};

} // namespace telemetry
