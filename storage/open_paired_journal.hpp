#pragma once

#include "storage/paired_journal.hpp"

#include <functional>
#include <string_view>

namespace telemetry {

/// Opens a journal that may be in another engine than its store.
using journal_opener = std::function<result<std::unique_ptr<paired_journal>>()>;

/// A journal that belongs to its store.
struct opened_journal {
  std::unique_ptr<paired_journal> journal;
  std::string warning; ///< what is lost and was accepted, to be logged; "" if nothing is
};

/// Opens the journal of `store` and notes in both that they go together from now on: begun in the
/// store, done in the journal, confirmed in the store. So the journal's number is one of the
/// store's two, whenever the process is killed (ADR 0009).
/// @param name of the journal's engine, as in storage.journal.
/// @param keeper of the store's record.
/// @returns as `open`; errc::version if another journal, or an older state of one of the two, is
///          named, errc::corrupt if answered events are missing; both with the way out.
result<opened_journal> open_paired_journal(std::string_view name, const journal_opener& open,
                                           event_store& store, pairing_keeper& keeper);

} // namespace telemetry
