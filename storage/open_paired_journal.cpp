#include "storage/open_paired_journal.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace telemetry {
namespace {

/// A refusal with the way out of it.
failure refuse(const failure& why, const pairing_keeper& keeper) {
  return {why.code, why.text + ". To go on with what there is: " + keeper.accept_journal()};
}

/// Refuses a journal that is not the one to go on with. @pre !before.is_free()
result<void> check_opening(paired_journal& journal, std::string_view name,
                           const journal_pairing& before, const pairing_keeper& keeper) {
  const auto opening = journal.opening();
  if (!opening)
    return opening.error();
  const auto fits = before.check(name, *opening);
  return fits ? fits : refuse(fits.error(), keeper);
}

/// Has the journal and its store go on from the same numbers.
result<void> meet(paired_journal& journal, std::vector<shard_marker> markers, event_store& store) {
  const std::vector<shard_marker> before = markers;
  if (auto met = journal.meet(markers); !met)
    return met;
  if (std::ranges::equal(before, markers, {}, &shard_marker::cut, &shard_marker::cut))
    return {};
  if (auto done = store.commit({{}, markers, {}}); !done)
    return done.error();
  return {}; // no robots, so none can be damaged
}

/// @returns what is lost and was accepted; "" if nothing is.
result<std::string> match(paired_journal& journal, std::string_view name,
                          const journal_pairing& before, event_store& store,
                          const pairing_keeper& keeper) {
  const auto markers = store.markers();
  if (!markers)
    return markers.error();
  const auto missing = journal.find_missing(*markers, before);
  if (!missing)
    return missing.error();
  if (before.is_free()) { // any journal may follow, so they may differ
    if (auto met = meet(journal, *markers, store); !met)
      return met.error();
  } else if (!missing->is_accepted) { // else it need not be accepted once more
    if (auto fits = check_opening(journal, name, before, keeper); !fits)
      return fits.error();
    if (!missing->text.empty())
      return refuse({errc::corrupt, missing->text}, keeper);
  }
  return missing->text;
}

result<void> note_pairing(paired_journal& journal, std::string_view name, pairing_keeper& keeper) {
  const auto opening = journal.opening();
  if (!opening)
    return opening.error();
  journal_pairing now{std::string(name), *opening, keeper.opening(), false};
  if (auto noted = keeper.write_journal_pairing(now); !noted)
    return noted;
  if (auto noted = journal.note_opening(keeper.opening()); !noted)
    return noted;
  now.confirmed = now.begun;
  return keeper.write_journal_pairing(now);
}

} // namespace

result<opened_journal> open_paired_journal(std::string_view name, const journal_opener& open,
                                           event_store& store, pairing_keeper& keeper) {
  const auto before = keeper.read_journal_pairing();
  if (!before)
    return before.error();
  // Before the journal is opened, because opening may make one.
  if (!before->is_free() && before->journal != name)
    return refuse(before->check(name, 0).error(), keeper);
  auto journal = open();
  if (!journal)
    return journal.error();
  auto lost = match(**journal, name, *before, store, keeper);
  if (!lost)
    return lost.error();
  if (auto noted = note_pairing(**journal, name, keeper); !noted)
    return noted.error();
  return opened_journal{std::move(*journal), std::move(*lost)};
}

} // namespace telemetry
