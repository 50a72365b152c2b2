#include "storage/file_journal/file_journal_format.hpp"

#include <cstring>
#include <limits>
#include <type_traits>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace telemetry::journal_files {
namespace {

constexpr std::uint64_t segment_magic = 0x314c'4e4a'4d4c'4554; // "TELMJNL1"
constexpr std::uint64_t record_magic = 0x3143'524a'4d4c'4554;  // "TELMJRC1"
/// Version of segments and records, in each segment head. format_file::directory_version is another
/// number: it stands in FORMAT, for the whole data directory.
constexpr std::uint32_t segment_version = 1;

// The bytes of the file. Each checksum covers the rest of its head.

struct segment_fields {
  std::uint64_t magic;
  std::uint64_t checksum;
  std::uint32_t version;
  std::uint32_t head_bytes;
  std::uint64_t number;
  std::uint64_t journal_id;
  std::uint64_t salt;
  std::uint64_t size;
  std::uint64_t first_commit;
  std::uint64_t opening;
};
static_assert(sizeof(segment_fields) == 72 && sizeof(shard_ends) == 16);

struct record_fields {
  std::uint64_t magic;
  std::uint64_t checksum;
  std::uint64_t segment;
  std::uint64_t commit;
  std::uint64_t opening;
  std::uint64_t payload_bytes;
  std::uint32_t batches;
  std::uint32_t trims;
};
static_assert(sizeof(record_fields) == record_prefix_bytes);

struct batch_fields {
  std::uint32_t shard;
  std::uint32_t kind;
  std::uint64_t batch_no;
  std::uint64_t epoch;
  std::int64_t arrival_ms;
  std::int64_t horizon_ms;
  std::int64_t wall;
  std::uint64_t payload_bytes;
  std::uint64_t checksum;
};
static_assert(sizeof(batch_fields) == 64 && sizeof(journal_trim) == 16);

constexpr std::size_t checksummed_from = 16; ///< after magic and checksum, in both heads

template <class Fields>
Fields take(std::string_view& bytes) noexcept {
  static_assert(std::is_trivially_copyable_v<Fields>);
  Fields fields;
  std::memcpy(&fields, bytes.data(), sizeof fields);
  bytes.remove_prefix(sizeof fields);
  return fields;
}

template <class Fields>
void put(char*& to, const Fields& fields) noexcept {
  static_assert(std::is_trivially_copyable_v<Fields>);
  std::memcpy(to, &fields, sizeof fields);
  to += sizeof fields;
}

std::uint64_t checksum(std::string_view bytes, std::uint64_t salt) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), salt);
}

/// Writes the checksum of the head `[head, head + bytes)` into it.
void seal_head(char* head, std::size_t bytes, std::uint64_t salt) noexcept {
  const std::uint64_t sum = checksum({head + checksummed_from, bytes - checksummed_from}, salt);
  std::memcpy(head + checksummed_from - sizeof sum, &sum, sizeof sum);
}

std::uint64_t payload_bytes(const journal_batch& batch) noexcept {
  std::uint64_t bytes = 0;
  for (const std::string_view part : batch.payload)
    bytes += part.size();
  return bytes;
}

constexpr std::uint64_t head_bytes(std::uint64_t batches, std::uint64_t trims) noexcept {
  return sizeof(record_fields) + batches * sizeof(batch_fields) + trims * sizeof(journal_trim);
}

} // namespace

std::uint64_t segment_head_bytes(std::uint32_t shards) noexcept {
  return sizeof(segment_fields) + std::uint64_t{shards} * sizeof(shard_ends);
}

std::string write_segment_head(const segment_head& head) {
  const auto bytes = segment_head_bytes(static_cast<std::uint32_t>(head.shards.size()));
  std::string out(bytes, '\0');
  char* to = out.data();
  put(to, segment_fields{segment_magic, 0, segment_version, static_cast<std::uint32_t>(bytes),
                         head.number, head.journal_id, head.salt, head.size, head.first_commit,
                         head.opening});
  for (const shard_ends& ends : head.shards)
    put(to, ends);
  seal_segment_head(out);
  return out;
}

void seal_segment_head(std::string& head) noexcept { seal_head(head.data(), head.size(), 0); }

result<segment_head> read_segment_head(std::string_view bytes) {
  const failure damaged{errc::corrupt, "is damaged in its head, at offset 0"};
  if (bytes.size() < sizeof(segment_fields))
    return damaged;
  std::string_view rest = bytes;
  const auto fields = take<segment_fields>(rest);
  if (fields.magic != segment_magic || fields.head_bytes < sizeof fields ||
      fields.head_bytes > bytes.size() ||
      fields.checksum != checksum(bytes.substr(0, fields.head_bytes).substr(checksummed_from), 0))
    return damaged;
  if (fields.version != segment_version)
    return failure{errc::version, "has format " + std::to_string(fields.version) +
                                      "; this program knows only format " +
                                      std::to_string(segment_version)};
  rest = rest.substr(0, fields.head_bytes - sizeof fields);
  if (rest.size() % sizeof(shard_ends) != 0)
    return damaged;
  segment_head head{fields.number,       fields.journal_id, fields.salt, fields.size,
                    fields.first_commit, fields.opening,    {}};
  while (!rest.empty())
    head.shards.push_back(take<shard_ends>(rest));
  return head;
}

std::uint64_t record_bytes(std::span<const journal_batch> batches, std::size_t trims) noexcept {
  std::uint64_t bytes = head_bytes(batches.size(), trims);
  for (const journal_batch& batch : batches)
    bytes += payload_bytes(batch);
  return round_to_pages(bytes);
}

void write_record(char* to, const segment_head& segment, std::uint64_t commit,
                  std::uint64_t opening, std::span<const journal_batch> batches,
                  std::span<const journal_trim> trims) noexcept {
  const std::uint64_t head = head_bytes(batches.size(), trims.size());
  char* payload = to + head;
  char* table = to + sizeof(record_fields);
  for (const journal_batch& batch : batches) {
    char* const begin = payload;
    for (const std::string_view part : batch.payload)
      if (!part.empty()) {
        std::memcpy(payload, part.data(), part.size());
        payload += part.size();
      }
    const std::string_view whole(begin, static_cast<std::size_t>(payload - begin));
    put(table,
        batch_fields{batch.shard, static_cast<std::uint32_t>(batch.kind), batch.stamp.batch_no,
                     batch.epoch, batch.stamp.arrival_ms, batch.stamp.horizon_ms, batch.stamp.wall,
                     whole.size(), checksum(whole, segment.salt)});
  }
  for (const journal_trim& trim : trims)
    put(table, trim);
  const auto used = static_cast<std::uint64_t>(payload - to);
  std::memset(payload, 0, round_to_pages(used) - used);
  char* prefix = to;
  put(prefix, record_fields{record_magic, 0, segment.number, commit, opening, used - head,
                            static_cast<std::uint32_t>(batches.size()),
                            static_cast<std::uint32_t>(trims.size())});
  seal_head(to, head, segment.salt);
}

std::optional<std::uint64_t> record_head_bytes(std::string_view prefix,
                                               std::uint64_t room) noexcept {
  const auto fields = take<record_fields>(prefix);
  const std::uint64_t bytes = head_bytes(fields.batches, fields.trims); // no overflow: 32 bits each
  if (fields.magic != record_magic || bytes > room || fields.payload_bytes > room - bytes)
    return std::nullopt;
  return bytes;
}

std::optional<record_head> read_record_head(std::string_view bytes, const segment_head& segment,
                                            std::uint64_t room) {
  std::string_view rest = bytes;
  const auto fields = take<record_fields>(rest);
  if (fields.checksum != checksum(bytes.substr(checksummed_from), segment.salt) ||
      fields.segment != segment.number)
    return std::nullopt;
  record_head head{
      fields.commit, fields.opening, {}, {}, round_to_pages(bytes.size() + fields.payload_bytes)};
  if (head.bytes > room)
    return std::nullopt;
  std::uint64_t left = fields.payload_bytes;
  for (std::uint32_t i = 0; i < fields.batches; ++i) {
    const auto one = take<batch_fields>(rest);
    if (one.payload_bytes > left || one.kind != static_cast<std::uint32_t>(record_kind::events) ||
        one.shard >= segment.shards.size())
      return std::nullopt;
    head.batches.push_back({{one.shard,
                             one.epoch,
                             {one.batch_no, one.arrival_ms, one.horizon_ms, one.wall},
                             record_kind::events,
                             {}},
                            bytes.size() + fields.payload_bytes - left,
                            one.payload_bytes,
                            one.checksum});
    left -= one.payload_bytes;
  }
  for (std::uint32_t i = 0; i < fields.trims; ++i) {
    head.trims.push_back(take<journal_trim>(rest));
    if (head.trims.back().shard >= segment.shards.size())
      return std::nullopt;
  }
  return left == 0 ? std::optional(std::move(head)) : std::nullopt;
}

std::uint64_t payload_checksum(std::string_view payload, const segment_head& segment) noexcept {
  return checksum(payload, segment.salt);
}

} // namespace telemetry::journal_files
