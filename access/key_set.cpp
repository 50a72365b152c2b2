#include "access/key_set.hpp"

#include "access/key_line.hpp"

#include <algorithm>
#include <unordered_set>

namespace telemetry::access {

namespace {

failure at_line(std::size_t number, const std::string& why) {
  return {errc::malformed, "line " + std::to_string(number) + ": " + why};
}

bool is_over(const std::optional<wall_ms>& end, wall_ms now) { return end && *end <= now; }

std::optional<wall_ms> earlier(const std::optional<wall_ms>& a, const std::optional<wall_ms>& b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

} // namespace

result<key_set> key_set::read(std::string_view text) {
  if (text.size() > keys_file_bytes_max)
    return failure{errc::malformed, "it has more than 16 MiB"};
  key_set out;
  std::unordered_set<std::string> certificates;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (is_blank_line(line))
      continue;
    auto one = read_key_line(line);
    if (!one)
      return at_line(number, one.error().text);
    for (const auto& certificate : one->certificates) {
      if (!certificates.insert(certificate).second)
        return at_line(number, "a certificate is listed twice");
    }
    if (!out.places_.emplace(one->id, out.keys_.size()).second)
      return at_line(number, "its id is that of an earlier line");
    out.keys_.push_back(std::move(*one));
    if (out.keys_.size() > keys_max)
      return at_line(number, "there are more than 100,000 keys");
  }
  if (out.keys_.empty())
    return failure{errc::malformed, "it has no line of a key"};
  return out;
}

const key* key_set::find(std::string_view id) const {
  const auto found = places_.find(id);
  return found == places_.end() ? nullptr : &keys_[found->second];
}

std::optional<wall_ms> key_set::end_of(const key& one, const secret_hash& secret) {
  return earlier(one.expires, secret.until);
}

key_set::verdict key_set::check(const key_text& parts, std::string_view text, wall_ms now) const {
  return check(parts.id, hash_of_key(text), now);
}

key_set::verdict key_set::check(std::string_view id, const key_hash& shown, wall_ms now) const {
  static const secret_hash no_key{};
  const key* const meant = find(id);
  if (meant == nullptr) {
    (void)are_equal(shown, no_key.value); // an unknown id takes as long as a wrong secret
    return {.why = key_refusal::unknown};
  }
  std::optional<std::size_t> matched;
  for (std::size_t i = 0; i < meant->hashes.size(); ++i) {
    if (are_equal(shown, meant->hashes[i].value))
      matched = i;
  }
  if (meant->revoked)
    return {.why = key_refusal::revoked, .meant = meant};
  if (!matched)
    return {.why = key_refusal::secret, .meant = meant};
  if (is_over(end_of(*meant, meant->hashes[*matched]), now))
    return {.why = key_refusal::expired, .meant = meant};
  return {.found = meant, .hash = *matched, .meant = meant};
}

} // namespace telemetry::access
