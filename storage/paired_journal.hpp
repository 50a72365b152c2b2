#pragma once

#include "storage/event_store.hpp"
#include "storage/journal.hpp"
#include "storage/journal_pairing.hpp"

#include <memory>
#include <span>
#include <string>

namespace telemetry {

/// A journal that may stand in front of a store in another engine (ADR 0009), and therefore knows
/// which opening of that store it was used in last. Thread-safety, blocking and errors as journal.
class paired_journal : public journal {
public:
  /// What is missing of the batches that the store does not have.
  struct missing_batches {
    std::string text;         ///< for a person; "": none is missing
    bool is_accepted = false; ///< an operator has accepted it, in the engine of the journal
  };

  /// The number of the opening that was noted last; 0 if never.
  [[nodiscard]] virtual result<std::uint64_t> opening() = 0;
  /// Notes that opening `number` of the store uses this journal. Durable when it returns.
  [[nodiscard]] virtual result<void> note_opening(std::uint64_t number) = 0;

  /// Looks for batches above the cuts of `markers` that were appended once and are gone.
  /// @param markers of all shards of the store.
  /// @param before the store's record of its journal.
  /// @returns errc::corrupt if an operator has to accept the loss in the engine of the journal; the
  ///          text says how.
  [[nodiscard]] virtual result<missing_batches> find_missing(std::span<const shard_marker> markers,
                                                             const journal_pairing& before) = 0;

  /// Meets a store that was filled through another journal, or may be in an older state than this
  /// one: numbers go on above the cuts of `markers`. Raises a cut below what this journal has
  /// trimmed, because the batches between are gone. Never lowers a number. Durable once
  /// note_opening() is.
  [[nodiscard]] virtual result<void> meet(std::span<shard_marker> markers) = 0;
};

/// What a store in another engine keeps of its journal. Blocks.
class pairing_keeper {
public:
  virtual ~pairing_keeper() = default;
  /// Number of this opening of the store, higher than that of every earlier one. It is not the
  /// epoch of a batch (journal.hpp).
  [[nodiscard]] virtual std::uint64_t opening() const noexcept = 0;
  [[nodiscard]] virtual result<journal_pairing> read_journal_pairing() = 0;
  [[nodiscard]] virtual result<void> write_journal_pairing(const journal_pairing& record) = 0;
  /// The statement by which an operator goes on with a journal that read_journal_pairing() speaks
  /// against.
  [[nodiscard]] virtual std::string accept_journal() const = 0;
};

} // namespace telemetry
