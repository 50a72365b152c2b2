#include "storage/mysql/mysql_journal_reader.hpp"

#include "storage/mysql/mysql_text.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace telemetry::mysql {
namespace {

/// Payload bytes that a replay reads at a time, unless a single entry is larger.
constexpr std::uint64_t page_bytes = 4u << 20;
constexpr std::uint64_t page_entries_max = 1000;

} // namespace

std::string journal_entry_name(std::uint32_t shard, std::uint64_t batch_no) {
  return "journal entry " + std::to_string(batch_no) + " of shard " + std::to_string(shard);
}

/// Complete entries in order, each with its payload.
struct mysql_journal_reader::page {
  struct entry {
    journal_batch batch;
    std::string payload;
  };
  std::vector<entry> entries;
};

mysql_journal_reader::mysql_journal_reader(std::shared_ptr<mysql_database> database)
    : database_(std::move(database)), heads_(database_->shards()) {
  for (std::uint32_t shard = 0; shard < heads_.size(); ++shard)
    begun_.push_back({shard, single_node_epoch});
}

void mysql_journal_reader::begin(const tenure& of) { begun_[of.shard] = of; }

bool mysql_journal_reader::knows(const tenure& of) const {
  return heads_known_ && heads_[of.shard].epoch == database_->fence_of(of);
}

result<void> mysql_journal_reader::know_heads(std::span<const tenure> of) {
  fenced_.clear();
  if (std::all_of(of.begin(), of.end(), [this](const tenure& one) { return knows(one); }))
    return {};
  result<void> outcome =
      database_->pool().run("reading the journal's heads", mysql_pool::after_loss::repeat,
                            [&](mysql_session& session) { return take_heads(session, of); });
  heads_known_ = outcome.has_value();
  return outcome;
}

result<void> mysql_journal_reader::take_heads(mysql_session& session, std::span<const tenure> of) {
  std::vector<head_of_shard> now(heads_.size());
  std::vector<std::uint64_t> epochs(heads_.size(), 0);
  mysql_rows rows = session.query("SELECT shard, epoch, batch_no FROM shards");
  while (rows.next())
    if (const auto shard = rows.number(1); shard < now.size()) {
      now[shard] = {rows.number(2), rows.number(3)};
      epochs[shard] = rows.number(2);
    }
  fenced_.clear(); // this may be a repetition
  if (auto owned = database_->check_tenures(session, "shards", of, epochs, fenced_); !owned)
    return owned;
  for (std::uint32_t shard = 0; shard < now.size(); ++shard)
    if (heads_[shard].epoch == now[shard].epoch && now[shard].batch_no < heads_[shard].batch_no)
      return database_->forgotten(session,
                                  journal_entry_name(shard, heads_[shard].batch_no) + " is gone");
  heads_ = std::move(now);
  return {};
}

result<void> mysql_journal_reader::replay(std::uint32_t shard, std::uint64_t after,
                                          const visitor& visit) {
  if (auto known = know_heads({&begun_[shard], 1}); !known)
    return known;
  while (true) {
    auto read = read_page(shard, after);
    if (!read)
      return read.error();
    for (auto& [batch, bytes] : read->entries) {
      if (batch.stamp.batch_no != ++after)
        return failure{errc::corrupt, journal_entry_name(shard, after) +
                                          " is missing; the next one is " +
                                          std::to_string(batch.stamp.batch_no)};
      const std::array<std::string_view, 1> payload{bytes};
      batch.payload = payload;
      if (result<void> visited = visit(batch); !visited)
        return visited;
    }
    if (!read->entries.empty())
      continue;
    if (after < heads_[shard].batch_no)
      return failure{errc::corrupt, journal_entry_name(shard, after + 1) +
                                        " is missing; the last one committed is " +
                                        std::to_string(heads_[shard].batch_no)};
    return {};
  }
}

result<mysql_journal_reader::page> mysql_journal_reader::read_page(std::uint32_t shard,
                                                                   std::uint64_t after) {
  const auto work = [&](mysql_session& session) -> result<page> {
    const sql_text behind(" FROM journal WHERE shard = ", shard, " AND batch_no > ", after);
    page found;
    std::uint64_t last = after;
    mysql_rows sizes =
        session.query(sql_text("SELECT batch_no, SUM(bytes)", behind.str(),
                               " GROUP BY batch_no ORDER BY batch_no LIMIT ", page_entries_max)
                          .str());
    for (std::uint64_t bytes = 0; sizes.next(); last = sizes.number(1))
      if (bytes += sizes.number(2); last != after && bytes > page_bytes)
        break;
    if (last == after)
      return found;
    mysql_rows rows =
        session.query(sql_text("SELECT batch_no, part, epoch, arrival_ms, horizon_ms,"
                               " wall_ms, kind, bytes, payload",
                               behind.str(), " AND batch_no <= ", last, " ORDER BY batch_no, part")
                          .str());
    for (std::uint64_t expected_part = 0; rows.next(); ++expected_part) {
      const std::uint64_t batch_no = rows.number(1);
      if (found.entries.empty() || found.entries.back().batch.stamp.batch_no != batch_no) {
        expected_part = 0;
        found.entries.push_back(
            {{shard,
              rows.number(3),
              {batch_no, rows.signed_number(4), rows.signed_number(5), rows.signed_number(6)},
              static_cast<record_kind>(rows.number(7)),
              {}},
             ""});
      }
      const std::string bytes = rows.bytes(9);
      if (rows.number(2) != expected_part || rows.number(8) != bytes.size() ||
          rows.number(7) != static_cast<std::uint64_t>(record_kind::events))
        return failure{errc::corrupt, journal_entry_name(shard, batch_no) + " is damaged"};
      found.entries.back().payload += bytes;
    }
    return found;
  };
  return database_->pool().run("reading the journal", mysql_pool::after_loss::repeat, work);
}

result<std::uint64_t> mysql_journal_reader::last_batch(std::uint32_t shard) {
  if (auto known = know_heads({&begun_[shard], 1}); !known)
    return known.error();
  return heads_[shard].batch_no;
}

} // namespace telemetry::mysql
