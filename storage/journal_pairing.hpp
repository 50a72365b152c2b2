#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace telemetry {

/// What a store remembers of the journal that stands in front of it in another engine, so that a
/// start with another one, or with an older state of one of the two, is noticed: such a journal
/// lacks events that were answered OK, or holds batches whose numbers mean others by now.
///
/// Every opening of the store has a number (pairing_keeper::opening()). It is noted here as begun,
/// then in the journal, then here as confirmed. So the journal's note is always one of these two,
/// whenever the process is killed.
struct journal_pairing {
  std::string journal;         ///< "redis"; "": none yet, or the operator goes on with any
  std::uint64_t confirmed = 0; ///< the opening that the journal has noted for sure; 0: none
  std::uint64_t begun = 0;     ///< the last opening
  /// At the last stop the store had everything that was in the journal: any other may follow it.
  bool is_drained = false;

  /// Reads what to_text() wrote. @returns errc::corrupt if it is something else.
  [[nodiscard]] static result<journal_pairing> from_text(std::string_view text);
  /// E.g. "redis 7 9", "redis 7 9 drained"; "" if there is no journal.
  [[nodiscard]] std::string to_text() const;

  /// Whether any journal may be opened in front of the store.
  [[nodiscard]] bool is_free() const noexcept { return journal.empty() || is_drained; }

  /// Says whether `name`, whose last opening was number `opening` (0: none), is the journal to go
  /// on with. @pre !is_free().
  /// @returns errc::version with the reason, for a person.
  [[nodiscard]] result<void> check(std::string_view name, std::uint64_t opening) const;
};

} // namespace telemetry
