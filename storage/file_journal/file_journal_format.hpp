#pragma once

#include "storage/journal.hpp"

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The journal's files, byte by byte (ADR 0047). Numbers are little-endian; checksums are
/// XXH3 of 64 bits.
///
/// A segment begins with its head, padded to whole pages. Records follow, each from a page boundary
/// and padded to one: prefix, table of the batches, trims, payload. What lies between the last
/// record and the end of the file is of no meaning: zeros, or what the file held in an earlier
/// life.
namespace telemetry::journal_files {

static_assert(std::endian::native == std::endian::little,
              "numbers are stored as they lie in memory");

/// Records start at multiples of this: a sync never rewrites a page that was acknowledged.
inline constexpr std::size_t journal_page_bytes = 4096;

[[nodiscard]] constexpr std::uint64_t round_to_pages(std::uint64_t bytes) noexcept {
  return (bytes + journal_page_bytes - 1) / journal_page_bytes * journal_page_bytes;
}

/// Where the log of a shard stands.
struct shard_ends {
  std::uint64_t last = 0;    ///< largest batch_no ever appended, or trimmed
  std::uint64_t trimmed = 0; ///< all up to here is forgotten
  friend bool operator==(const shard_ends&, const shard_ends&) = default;
};

/// The head of a segment: written once, before the file gets the name of a segment.
struct segment_head {
  std::uint64_t number = 0;       ///< of the segment, +1 each; as in its name
  std::uint64_t journal_id = 0;   ///< of all segments of one journal; random
  std::uint64_t salt = 0;         ///< of this life of the file, in the checksums of its records
  std::uint64_t size = 0;         ///< of the file, in bytes
  std::uint64_t first_commit = 0; ///< that it holds, or will hold
  std::uint64_t opening = 0;      ///< what note_opening() was told last; 0: never
  std::vector<shard_ends> shards; ///< before its first record
  friend bool operator==(const segment_head&, const segment_head&) = default;
};

/// Bytes of a head, before padding.
[[nodiscard]] std::uint64_t segment_head_bytes(std::uint32_t shards) noexcept;
/// The head, without padding.
[[nodiscard]] std::string write_segment_head(const segment_head& head);
/// Makes the checksum of a head fit what it says.
void seal_segment_head(std::string& head) noexcept;
/// @param bytes of the file from its begin, as many as there are, up to segment_head_bytes().
/// @returns errc::corrupt, errc::version; the text is to follow the name of the file.
[[nodiscard]] result<segment_head> read_segment_head(std::string_view bytes);

/// All up to batch `upto` of `shard` is forgotten.
struct journal_trim {
  std::uint64_t shard;
  std::uint64_t upto;
  friend bool operator==(const journal_trim&, const journal_trim&) = default;
};

/// A batch as the table of a record names it.
struct record_batch {
  journal_batch batch;          ///< without its payload
  std::uint64_t payload_offset; ///< in bytes from the begin of the record
  std::uint64_t payload_bytes;
  std::uint64_t checksum; ///< of the payload
};

/// Prefix, table and trims of a record.
struct record_head {
  std::uint64_t commit = 0;  ///< +1 each, over all segments
  std::uint64_t opening = 0; ///< as segment_head
  std::vector<record_batch> batches;
  std::vector<journal_trim> trims;
  std::uint64_t bytes = 0; ///< of the whole record, with its padding
};

/// Bytes of a record's prefix, from which its whole head is known to be how long.
inline constexpr std::size_t record_prefix_bytes = 56;

/// Bytes of a whole record with its padding.
[[nodiscard]] std::uint64_t record_bytes(std::span<const journal_batch> batches,
                                         std::size_t trims) noexcept;
/// Writes a whole record with its padding to `to`, which has room for record_bytes().
void write_record(char* to, const segment_head& segment, std::uint64_t commit,
                  std::uint64_t opening, std::span<const journal_batch> batches,
                  std::span<const journal_trim> trims) noexcept;

/// How long the head is that begins with `prefix`; nothing if no record begins so.
/// @param room bytes that are left in the segment.
[[nodiscard]] std::optional<std::uint64_t> record_head_bytes(std::string_view prefix,
                                                             std::uint64_t room) noexcept;
/// @param bytes record_head_bytes() of them.
/// @returns nothing unless it is the head of a record of this life of `segment`.
[[nodiscard]] std::optional<record_head>
read_record_head(std::string_view bytes, const segment_head& segment, std::uint64_t room);

/// The checksum that record_batch::checksum has to be.
[[nodiscard]] std::uint64_t payload_checksum(std::string_view payload,
                                             const segment_head& segment) noexcept;

} // namespace telemetry::journal_files
