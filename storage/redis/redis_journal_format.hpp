#pragma once

#include "storage/journal.hpp"
#include "storage/redis/redis_reply.hpp"

#include <optional>
#include <string>

/// The keys of a journal in Redis (docs/formats.md, "Redis journal"). For each prefix:
///
///     PREFIX:meta           hash: format, store (uuid), shards, generation; opening (number of the
///                           last opening of the store); accept_loss, see
///                           redis_journal::check_against()
///     PREFIX:owner          string: "<generation> <token>" of the process that may write
///     PREFIX:heads          hash: shard -> highest batch number ever appended; also after a trim
///     PREFIX:journal:SHARD  stream: entry "<batch_no>-0" -> epoch, arrival, horizon, wall (ms),
///                           kind, payload
///     PREFIX:forgiven       hash: shard -> number up to which the operator accepted losses
///     PREFIX:losses         list: a line for each loss that the operator accepted, with its time
///
/// The user of Redis needs these rights: ~PREFIX:* +@connection +@scripting +info +role +config|get
/// +exists +get +set +hget +hset +hmget +hgetall +hincrby +hdel +rpush +xadd +xrange +xrevrange
/// +xlen +xtrim.
namespace telemetry::redis {

inline constexpr std::string_view redis_journal_version = "1";

/// Names of the keys.
struct redis_journal_keys {
  explicit redis_journal_keys(const std::string& prefix)
      : meta(prefix + ":meta"), owner(prefix + ":owner"), heads(prefix + ":heads"),
        forgiven(prefix + ":forgiven"), losses(prefix + ":losses"), streams(prefix + ":journal:") {}
  [[nodiscard]] std::string stream(std::uint32_t shard) const {
    return streams + std::to_string(shard);
  }
  std::string meta, owner, heads, forgiven, losses, streams;
};

/// An entry of a stream; the payload points into the reply.
struct redis_journal_entry {
  journal_batch batch; ///< without its payload
  std::string_view payload;
};

/// Reads an entry of the stream of `shard`.
/// @returns nullopt if the entry is damaged, or of a kind that this program does not know.
[[nodiscard]] std::optional<redis_journal_entry> read_redis_entry(std::uint32_t shard,
                                                                  const redis_value& entry);

/// The batch number in an entry's id "<batch_no>-0", or nullopt if the id has another form.
[[nodiscard]] std::optional<std::uint64_t> read_redis_id(std::string_view id);

/// Name of an entry in messages, e.g. "journal entry 7 of shard 3".
[[nodiscard]] std::string redis_entry_name(std::uint32_t shard, std::uint64_t batch_no);

} // namespace telemetry::redis
