#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace telemetry {

/// The batch numbers that an engine holds of a shard's journal.
struct shard_survey {
  std::uint32_t shard = 0;
  std::optional<std::uint64_t> head; ///< highest number ever appended; nullopt: record is lost
  std::uint64_t first = 0;           ///< number of the first entry; 0: there is none
  std::uint64_t last = 0;            ///< number of the last entry; 0: there is none
  std::uint64_t entries = 0;         ///< how many entries there are
};

/// A range of batch numbers; `from` and `to` belong to it.
struct number_range {
  std::uint64_t from;
  std::uint64_t to;
};

/// A loss of batches in a shard.
struct shard_loss {
  std::uint32_t shard;
  std::string text;          ///< e.g. "shard 3: batches 51 to 60 are missing"
  std::uint64_t go_on_above; ///< the number that new batches must exceed
};

/// Whether the shard has all entries above `cut`, up to a head that is not below `cut`. May return
/// false for a complete journal, never true for an incomplete one. On false, check every entry.
[[nodiscard]] bool is_whole(const shard_survey& shard, std::uint64_t cut);

/// Describes the loss of a shard.
/// @param gaps ranges without an entry, above `cut` and up to the head.
/// @returns nullopt if no batch is lost.
[[nodiscard]] std::optional<shard_loss> judge_shard(const shard_survey& shard, std::uint64_t cut,
                                                    std::span<const number_range> gaps);

/// One text for all losses; long lists are cut short.
[[nodiscard]] std::string describe_losses(std::span<const shard_loss> losses);

/// A code for exactly these losses: FNV-1a of their texts, in 16 hexadecimal digits.
[[nodiscard]] std::string loss_code(std::span<const shard_loss> losses);

} // namespace telemetry
