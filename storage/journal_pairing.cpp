#include "storage/journal_pairing.hpp"

#include <cassert>
#include <charconv>
#include <optional>

namespace telemetry {
namespace {

/// Takes the next word off `text`.
std::string_view take_word(std::string_view& text) {
  const auto end = text.find(' ');
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

std::optional<std::uint64_t> take_number(std::string_view& text) {
  const std::string_view word = take_word(text);
  std::uint64_t number = 0;
  const auto read = std::from_chars(word.data(), word.data() + word.size(), number);
  if (read.ec != std::errc() || read.ptr != word.data() + word.size())
    return std::nullopt;
  return number;
}

/// The place that a value of storage.journal names, behind "in".
std::string in_words(std::string_view journal) {
  return journal == "file" ? "files" : std::string(journal);
}

} // namespace

result<journal_pairing> journal_pairing::from_text(std::string_view text) {
  journal_pairing record;
  if (text.empty())
    return record;
  std::string_view rest = text;
  record.journal = take_word(rest);
  const auto confirmed = take_number(rest);
  const auto begun = take_number(rest);
  record.is_drained = rest == "drained";
  if (!confirmed || !begun || !(rest.empty() || record.is_drained))
    return failure{errc::corrupt,
                   "the table meta describes the journal as \"" + std::string(text) + "\""};
  record.confirmed = *confirmed;
  record.begun = *begun;
  return record;
}

std::string journal_pairing::to_text() const {
  if (journal.empty())
    return {};
  return journal + ' ' + std::to_string(confirmed) + ' ' + std::to_string(begun) +
         (is_drained ? " drained" : "");
}

result<void> journal_pairing::check(std::string_view name, std::uint64_t opening) const {
  assert(!is_free());
  const std::string what = in_words(name);
  if (journal != name)
    return failure{errc::version, "the journal was in " + in_words(journal) + ", is to be in " +
                                      what +
                                      ", and may hold events that the store lacks: start once more "
                                      "with storage.journal=" +
                                      journal +
                                      ", let the store take them over without producers, and stop; "
                                      "\"telemetryd has stopped\" then says journal_drained=true"};
  if (opening == confirmed || opening == begun)
    return {};
  const std::string numbers = " (its last opening has number " + std::to_string(opening) +
                              ", the store's record is of " + std::to_string(begun) + ")";
  if (opening == 0)
    return failure{errc::version, "the journal in " + what +
                                      " is a new one, but the one used so far may hold events that "
                                      "the store lacks"};
  if (opening < begun)
    return failure{errc::version,
                   "the journal in " + what +
                       " is not the one that was used last, or an older state of it" + numbers};
  return failure{errc::version,
                 "the store is an older state than the journal in " + what + numbers};
}

} // namespace telemetry
