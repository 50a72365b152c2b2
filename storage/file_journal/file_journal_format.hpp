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
/// A segment begins with its head, padded to whole pages. Records follow, each padded to whole
/// pages: prefix, table of the batches, trims, payload. The bytes between the last record and the
/// end of the file have no meaning. They are zeros, or bytes of an earlier use of the file.
namespace telemetry::journal_files {

static_assert(std::endian::native == std::endian::little,
              "numbers are stored as they lie in memory");

/// Records start at multiples of this, so that a sync never rewrites an acknowledged page.
inline constexpr std::size_t journal_page_bytes = 4096;

[[nodiscard]] constexpr std::uint64_t round_to_pages(std::uint64_t bytes) noexcept {
  return (bytes + journal_page_bytes - 1) / journal_page_bytes * journal_page_bytes;
}

/// The ends of the log of a shard.
struct shard_ends {
  std::uint64_t last = 0;    ///< largest batch_no ever appended, or trimmed
  std::uint64_t trimmed = 0; ///< batches up to this one are trimmed
  friend bool operator==(const shard_ends&, const shard_ends&) = default;
};

/// The head of a segment. It is written once, before the file gets the name of a segment.
struct segment_head {
  std::uint64_t number = 0;       ///< of the segment, +1 each; as in its name
  std::uint64_t journal_id = 0;   ///< of all segments of one journal; random
  std::uint64_t salt = 0;         ///< of this use of the file, in the checksums of its records
  std::uint64_t size = 0;         ///< of the file, in bytes
  std::uint64_t first_commit = 0; ///< number of its first record
  std::uint64_t opening = 0;      ///< last epoch of note_opening(); 0 if there was none
  std::vector<shard_ends> shards; ///< as they were before its first record
  friend bool operator==(const segment_head&, const segment_head&) = default;
};

/// Bytes of a head, before padding.
[[nodiscard]] std::uint64_t segment_head_bytes(std::uint32_t shards) noexcept;
/// The head, without padding.
[[nodiscard]] std::string write_segment_head(const segment_head& head);
/// Sets the checksum of a head.
void seal_segment_head(std::string& head) noexcept;
/// @param bytes the begin of the file, up to segment_head_bytes().
/// @returns errc::corrupt, errc::version; the text continues after the name of the file.
[[nodiscard]] result<segment_head> read_segment_head(std::string_view bytes);

/// The batches of `shard` up to `upto` are trimmed.
struct journal_trim {
  std::uint64_t shard;
  std::uint64_t upto;
  friend bool operator==(const journal_trim&, const journal_trim&) = default;
};

/// An entry of the table of a record.
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

/// Bytes of a record's prefix, which determines the length of its head.
inline constexpr std::size_t record_prefix_bytes = 56;

/// Bytes of a whole record with its padding.
[[nodiscard]] std::uint64_t record_bytes(std::span<const journal_batch> batches,
                                         std::size_t trims) noexcept;
/// Writes a whole record with its padding to `to`, which has room for record_bytes().
void write_record(char* to, const segment_head& segment, std::uint64_t commit,
                  std::uint64_t opening, std::span<const journal_batch> batches,
                  std::span<const journal_trim> trims) noexcept;

/// The length of the head that begins with `prefix`; nullopt if no record begins so.
/// @param room bytes that are left in the segment.
[[nodiscard]] std::optional<std::uint64_t> record_head_bytes(std::string_view prefix,
                                                             std::uint64_t room) noexcept;
/// @param bytes the head, of record_head_bytes().
/// @returns nullopt unless it is the head of a record of this use of `segment`.
[[nodiscard]] std::optional<record_head>
read_record_head(std::string_view bytes, const segment_head& segment, std::uint64_t room);

/// The correct value of record_batch::checksum.
[[nodiscard]] std::uint64_t payload_checksum(std::string_view payload,
                                             const segment_head& segment) noexcept;

} // namespace telemetry::journal_files
