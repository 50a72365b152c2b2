#include "storage/journal_loss.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace telemetry {
namespace {

/// Most entries of a list that a message shows.
constexpr std::size_t listed_max = 8;

std::string describe(const number_range& gap) {
  if (gap.from == gap.to)
    return "batch " + std::to_string(gap.from) + " is missing";
  return "batches " + std::to_string(gap.from) + " to " + std::to_string(gap.to) + " are missing";
}

void append_sentence(std::string& out, const std::string& sentence) {
  if (!out.empty())
    out += ", ";
  out += sentence;
}

} // namespace

bool is_whole(const shard_survey& shard, std::uint64_t cut) {
  if (!shard.head || *shard.head < cut)
    return false;
  if (shard.entries == 0)
    return *shard.head == cut;
  return shard.last == *shard.head && shard.first <= cut + 1 &&
         shard.entries == shard.last - shard.first + 1;
}

std::optional<shard_loss> judge_shard(const shard_survey& shard, std::uint64_t cut,
                                      std::span<const number_range> gaps) {
  std::string what;
  if (!shard.head)
    append_sentence(what, "its end is not on record");
  else if (*shard.head < cut)
    append_sentence(what, "it ends at batch " + std::to_string(*shard.head) +
                              ", but the store has everything up to batch " + std::to_string(cut));
  for (std::size_t i = 0; i < std::min(gaps.size(), listed_max); ++i)
    append_sentence(what, describe(gaps[i]));
  if (gaps.size() > listed_max)
    append_sentence(what, std::to_string(gaps.size() - listed_max) + " more ranges are missing");
  if (shard.head && shard.last > *shard.head)
    append_sentence(what, "it goes on to batch " + std::to_string(shard.last) +
                              " behind its end at batch " + std::to_string(*shard.head));
  if (what.empty())
    return std::nullopt;
  return shard_loss{shard.shard, "shard " + std::to_string(shard.shard) + ": " + what,
                    std::max({shard.head.value_or(0), shard.last, cut})};
}

std::string describe_losses(std::span<const shard_loss> losses) {
  std::string out;
  for (std::size_t i = 0; i < std::min(losses.size(), listed_max); ++i)
    out += (i == 0 ? "" : "; ") + losses[i].text;
  if (losses.size() > listed_max)
    out += "; and " + std::to_string(losses.size() - listed_max) + " more shards";
  return out;
}

std::string loss_code(std::span<const shard_loss> losses) {
  std::uint64_t hash = 14695981039346656037U; // FNV-1a
  for (const shard_loss& loss : losses) {
    for (const char c : loss.text + "\n")
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  }
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(hash));
  return digits.data();
}

} // namespace telemetry
