#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace telemetry {

/// What an engine holds of a shard's journal.
struct shard_survey {
  std::uint32_t shard = 0;
  std::optional<std::uint64_t> head; ///< highest number ever appended; nothing: gone
  std::uint64_t first = 0;           ///< number of the first entry; 0: there is none
  std::uint64_t last = 0;
  std::uint64_t entries = 0;
};

/// Batch numbers, both ends included.
struct number_range {
  std::uint64_t from;
  std::uint64_t to;
};

/// What is wrong with a shard.
struct shard_loss {
  std::uint32_t shard;
  std::string text;          ///< e.g. "shard 3: batches 51 to 60 are missing"
  std::uint64_t go_on_above; ///< the number that new batches must exceed
};

/// The entries above `cut` are all there, up to a head that is not below it. Says no too often
/// rather than too seldom: then one has to look at each entry.
[[nodiscard]] bool is_whole(const shard_survey& shard, std::uint64_t cut);

/// @param gaps ranges above `cut` and up to the head without an entry.
/// @returns nothing if all is there.
[[nodiscard]] std::optional<shard_loss> judge_shard(const shard_survey& shard, std::uint64_t cut,
                                                    std::span<const number_range> gaps);

/// One sentence for all of them.
[[nodiscard]] std::string describe_losses(std::span<const shard_loss> losses);

/// Names exactly these losses: 16 hexadecimal digits.
[[nodiscard]] std::string loss_code(std::span<const shard_loss> losses);

} // namespace telemetry
