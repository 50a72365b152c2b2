#include "storage/redis/redis_journal.hpp"

#include "storage/redis/redis_durability.hpp"
#include "storage/redis/redis_scripts.hpp"

#include <array>
#include <utility>

namespace telemetry::redis {
namespace {

/// Limits of the entries that a replay reads at a time, unless a single entry is larger.
constexpr std::uint64_t page_bytes = 4u << 20;
constexpr std::uint64_t page_entries = 1000;

constexpr std::size_t arguments_per_batch = 8;

} // namespace

redis_journal::redis_journal(const redis_options& options, std::uint32_t shards)
    : keys_(options.prefix), shards_(shards), database_(options.database), trimmed_(shards, 0),
      forgiven_(shards, 0), session_(options, [this](redis_session& session) -> result<void> {
        if (result<void> durable = check_redis_is_durable(session); !durable)
          return durable;
        return load_append(session);
      }) {}

result<void> redis_journal::load_append(redis_session& session) {
  const auto reply = session.ask({"SCRIPT", "LOAD", redis_scripts::append});
  if (!reply)
    return reply.error();
  append_sha_ = value_of(*reply).text();
  return {};
}

result<void> redis_journal::append(std::span<const journal_batch> batches) {
  if (batches.empty())
    return {};
  result<void> outcome = try_append(batches);
  // Unavailable, because an operator who changed rights or settings can change them back.
  if (!outcome && outcome.error().code == errc::invalid_option)
    return failure{errc::unavailable, outcome.error().text};
  return outcome;
}

result<void> redis_journal::try_append(std::span<const journal_batch> batches) {
  for (bool is_loaded = false;; is_loaded = true) {
    form_append(batches);
    const auto replies = session_.run(append_);
    if (!replies)
      return replies.error();
    const redis_value reply = value_of(replies->back());
    if (!reply.is_error()) {
      if (result<void> judged = judge_append(reply); !judged)
        return judged;
      result<void> synced = check_syncs(*replies, session_.where());
      if (!synced)
        session_.drop(); // so that the next connection checks all settings
      return synced;
    }
    if (is_loaded || !reply.text().starts_with("NOSCRIPT"))
      return redis_failure(reply.text(), session_.where() + ": append");
    if (result<void> loaded = load_append(session_); !loaded)
      return loaded;
  }
}

void redis_journal::form_append(std::span<const journal_batch> batches) {
  append_.clear();
  ask_for_syncs(append_);
  append_.begin(3 + 2 + batches.size() + 1 + arguments_per_batch * batches.size());
  append_.add("EVALSHA").add(append_sha_).add(std::uint64_t{2 + batches.size()});
  append_.add(keys_.owner).add(keys_.heads);
  for (const journal_batch& batch : batches)
    append_.add(keys_.stream(batch.shard));
  append_.add(owner_);
  for (const journal_batch& batch : batches) {
    assert(batch.shard < shards_ && batch.stamp.batch_no > 0);
    append_.add(std::uint64_t{batch.shard}).add(batch.stamp.batch_no).add(batch.epoch);
    append_.add(batch.stamp.arrival_ms).add(batch.stamp.horizon_ms).add(batch.stamp.wall);
    append_.add(static_cast<std::uint64_t>(batch.kind)).add(batch.payload);
  }
}

result<void> redis_journal::judge_append(const redis_value& reply) const {
  if (reply.text() == "OK")
    return {};
  const std::string_view refusal = reply[0].text();
  if (refusal == "owner")
    return not_ours(reply[1].text());
  const std::string shard(reply[1].text());
  const std::string number(reply[2].text());
  if (refusal == "head" && number.empty())
    return lost("the end of shard " + shard + " is gone from " + keys_.heads);
  if (refusal == "head")
    return lost("shard " + shard + " ends at batch " + number + ", more had been appended");
  return failure{errc::corrupt, session_.where() + ": batch " + number + " of shard " + shard +
                                    " is not what was appended under this number"};
}

failure redis_journal::not_ours(std::string_view owner) const {
  if (owner.empty())
    return lost("the key " + keys_.owner + " is gone");
  const auto generation = decimal_number(owner.substr(0, owner.find(' ')));
  if (generation.value_or(0) < generation_)
    return lost("the key " + keys_.owner + " is that of an earlier start");
  return {errc::fenced, session_.where() + ": another telemetryd has taken the journal " +
                            keys_.streams + "* over"};
}

failure redis_journal::lost(const std::string& what) const {
  return {
      errc::corrupt,
      session_.where() + " has lost acknowledged parts of the journal: " + what +
          ". It was flushed, or went back to an older state. The next start says what is missing"};
}

result<void> redis_journal::replay(std::uint32_t shard, std::uint64_t after, const visitor& visit) {
  for (;;) {
    const auto reply = read_page(shard, after + 1);
    if (!reply)
      return reply.error();
    const redis_value page = value_of(*reply);
    if (page.size() == 0)
      return check_end(shard, after);
    for (std::size_t i = 0; i < page.size(); ++i) {
      auto entry = read_redis_entry(shard, page[i]);
      if (!entry)
        return failure{errc::corrupt, session_.where() + ": " + redis_entry_name(shard, after + 1) +
                                          " or one behind it is damaged"};
      const std::uint64_t batch_no = entry->batch.stamp.batch_no;
      if (batch_no != after + 1 && batch_no - 1 > forgiven_[shard])
        return failure{errc::corrupt, redis_entry_name(shard, after + 1) +
                                          " is missing; the next one is " +
                                          std::to_string(batch_no)};
      const std::array payload{entry->payload};
      entry->batch.payload = payload;
      if (result<void> visited = visit(entry->batch); !visited)
        return visited;
      after = batch_no;
    }
  }
}

result<redis_reply> redis_journal::read_page(std::uint32_t shard, std::uint64_t from) {
  redis_pipeline question;
  question.command({"EVAL", redis_scripts::read_page, "1", keys_.stream(shard),
                    std::to_string(from) + "-0", std::to_string(page_bytes),
                    std::to_string(page_entries)});
  return session_.ask(question, "reading the journal");
}

/// Compares the last entry with the head, because only the head shows that entries are missing at
/// the end.
result<void> redis_journal::check_end(std::uint32_t shard, std::uint64_t after) {
  const auto head = last_batch(shard);
  if (!head)
    return head.error();
  if (*head > after && *head > forgiven_[shard])
    return failure{errc::corrupt, redis_entry_name(shard, after + 1) +
                                      " is missing, and all up to " + std::to_string(*head)};
  return {};
}

result<std::uint64_t> redis_journal::last_batch(std::uint32_t shard) {
  const auto reply = session_.ask({"HGET", keys_.heads, std::to_string(shard)});
  if (!reply)
    return reply.error();
  const auto head = value_of(*reply).number();
  if (!head)
    return lost("the end of shard " + std::to_string(shard) + " is gone from " + keys_.heads);
  return *head;
}

result<void> redis_journal::trim(std::uint32_t shard, std::uint64_t upto) {
  assert(shard < shards_);
  if (upto <= trimmed_[shard])
    return {};
  redis_pipeline command;
  command.command({"XTRIM", keys_.stream(shard), "MINID", "=", std::to_string(upto + 1) + "-0"});
  result<void> posted = session_.post(command);
  if (posted)
    trimmed_[shard] = upto;
  return posted;
}

} // namespace telemetry::redis
