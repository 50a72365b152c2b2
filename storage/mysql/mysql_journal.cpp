#include "storage/mysql/mysql_journal.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace telemetry::mysql {
namespace {

/// Payload bytes that a replay reads at a time, unless a single entry is larger.
constexpr std::uint64_t page_bytes = 4u << 20;
constexpr std::uint64_t page_entries_max = 1000;
/// After a failed first attempt the second one reads the heads again. The third is for a server
/// that fails twice.
constexpr unsigned attempts_max = 3;
/// Bytes of a row's text around its payload: nine numbers.
constexpr std::size_t row_overhead_bytes = 256;

constexpr std::string_view insert_into =
    "INSERT INTO journal (shard, batch_no, part, epoch, arrival_ms, horizon_ms, wall_ms, kind,"
    " bytes, payload) VALUES ";

std::string entry_name(std::uint32_t shard, std::uint64_t batch_no) {
  return "journal entry " + std::to_string(batch_no) + " of shard " + std::to_string(shard);
}

/// The whole payload. It is copied to `buffer` if it has several parts.
std::string_view join(const journal_batch& batch, std::string& buffer) {
  if (batch.payload.size() == 1)
    return batch.payload.front();
  buffer.clear();
  for (const std::string_view part : batch.payload)
    buffer += part;
  return buffer;
}

} // namespace

/// Complete entries in order, each with its payload.
struct mysql_journal::page {
  struct entry {
    journal_batch batch;
    std::string payload;
  };
  std::vector<entry> entries;
};

mysql_journal::mysql_journal(std::shared_ptr<mysql_database> database)
    : database_(std::move(database)), heads_(database_->shards(), 0), trimmer_(database_) {}

result<void> mysql_journal::append(std::span<const journal_batch> all) {
  result<void> outcome;
  for (unsigned attempt = 0; attempt < attempts_max; ++attempt) {
    if (auto known = know_heads(); !known)
      return known;
    auto fresh = not_yet_appended(all);
    if (!fresh)
      return fresh.error();
    if (fresh->empty()) { // an earlier attempt has succeeded, although its answer was lost
      unsure_ = false;
      return {};
    }
    outcome = transact(*fresh);
    unsure_ = !outcome;
    heads_known_ = outcome.has_value();
    if (outcome)
      for (const journal_batch* batch : *fresh)
        heads_[batch->shard] = batch->stamp.batch_no;
    if (outcome || outcome.error().code != errc::unavailable)
      return outcome;
  }
  return outcome;
}

/// Reads the heads from the server, unless they are known.
result<void> mysql_journal::know_heads() {
  if (heads_known_)
    return {};
  const auto work = [this](mysql_session& session) -> result<void> {
    mysql_rows rows = session.query("SELECT shard, epoch, batch_no FROM shards ORDER BY shard");
    std::vector<std::uint64_t> heads;
    bool ours = true;
    while (rows.next()) {
      ours = ours && rows.number(1) == heads.size() && rows.number(2) == database_->epoch();
      heads.push_back(rows.number(3));
    }
    if (!ours || heads.size() != heads_.size())
      return database_->why_refused(session, "shards");
    for (std::uint32_t shard = 0; shard < heads.size(); ++shard)
      if (heads[shard] < heads_[shard])
        return database_->forgotten(session, entry_name(shard, heads_[shard]) + " is gone");
    heads_ = std::move(heads);
    return {};
  };
  result<void> outcome =
      database_->pool().run("reading the journal's heads", mysql_pool::after_loss::repeat, work);
  heads_known_ = outcome.has_value();
  return outcome;
}

result<mysql_journal::batches> mysql_journal::not_yet_appended(std::span<const journal_batch> all) {
  batches fresh;
  fresh.reserve(all.size());
  for (const journal_batch& batch : all) {
    assert(batch.shard < heads_.size() && batch.stamp.batch_no > 0);
    if (batch.stamp.batch_no > heads_[batch.shard])
      fresh.push_back(&batch);
    else if (!unsure_) // not a repeated append: check that it is the same batch
      if (auto checked = check_repeated(batch); !checked)
        return checked.error();
  }
  std::sort(fresh.begin(), fresh.end(), [](const auto* left, const auto* right) {
    return std::pair(left->shard, left->stamp.batch_no) <
           std::pair(right->shard, right->stamp.batch_no);
  });
  return fresh;
}

result<void> mysql_journal::check_repeated(const journal_batch& batch) {
  const auto work = [&](mysql_session& session) -> result<void> {
    const sql_text ask("SELECT payload FROM journal WHERE shard = ", batch.shard,
                       " AND batch_no = ", batch.stamp.batch_no, " ORDER BY part");
    mysql_rows rows = session.query(ask.str());
    std::string stored;
    bool found = false;
    for (; rows.next(); found = true)
      stored += rows.bytes(1);
    if (found && stored == join(batch, payload_))
      return {};
    return failure{errc::corrupt, entry_name(batch.shard, batch.stamp.batch_no) +
                                      " was appended again with another content"};
  };
  return database_->pool().run("journal append", mysql_pool::after_loss::repeat, work);
}

result<void> mysql_journal::transact(const batches& fresh) {
  const std::size_t shards = write_advance(fresh);
  const auto work = [&](mysql_session& session) -> result<void> {
    session.begin();
    if (session.update(advance_.str()) != shards) {
      session.rollback();
      return failure{errc::unavailable, "journal append: the heads have moved"};
    }
    insert(session, fresh);
    session.commit();
    return {};
  };
  return database_->pool().run("journal append", mysql_pool::after_loss::fail, work);
}

/// Writes the statement that moves the heads into advance_.
/// @returns the number of rows that it must change.
std::size_t mysql_journal::write_advance(const batches& fresh) {
  std::vector<const journal_batch*> last; // of each shard
  for (const journal_batch* batch : fresh) {
    if (!last.empty() && last.back()->shard == batch->shard)
      last.pop_back();
    last.push_back(batch);
  }
  advance_.clear();
  advance_.add("UPDATE shards SET batch_no = CASE shard");
  for (const journal_batch* batch : last)
    advance_.add(" WHEN ", batch->shard, " THEN ", batch->stamp.batch_no);
  advance_.add(" END WHERE epoch = ", database_->epoch(), " AND (");
  const char* separator = "";
  for (const journal_batch* batch : last) {
    advance_.add(separator, "(shard = ", batch->shard, " AND batch_no = ", heads_[batch->shard],
                 ")");
    separator = " OR ";
  }
  advance_.add(")");
  return last.size();
}

/// Inserts the rows with as few statements as the packet size allows.
void mysql_journal::insert(mysql_session& session, const batches& fresh) {
  const std::size_t limit = session.statement_bytes_max();
  // Escapes may double the bytes of a payload.
  const std::size_t part_bytes_max = (limit - insert_into.size() - row_overhead_bytes) / 2;
  rows_.clear();
  for (const journal_batch* batch : fresh) {
    std::string_view payload = join(*batch, payload_);
    std::uint32_t part = 0;
    do {
      const std::string_view bytes = payload.substr(0, part_bytes_max);
      payload.remove_prefix(bytes.size());
      if (rows_.size() > 0 && rows_.size() + row_overhead_bytes + 2 * bytes.size() > limit) {
        session.update(rows_.str());
        rows_.clear();
      }
      rows_.add(rows_.size() == 0 ? insert_into : std::string_view(","), "(", batch->shard, ",",
                batch->stamp.batch_no, ",", part++, ",", batch->epoch, ",", batch->stamp.arrival_ms,
                ",", batch->stamp.horizon_ms, ",", batch->stamp.wall, ",",
                static_cast<unsigned>(batch->kind), ",", bytes.size(), ",", sql_bytes{bytes}, ")");
    } while (!payload.empty());
  }
  session.update(rows_.str());
}

result<void> mysql_journal::replay(std::uint32_t shard, std::uint64_t after, const visitor& visit) {
  if (auto known = know_heads(); !known)
    return known;
  while (true) {
    auto read = read_page(shard, after);
    if (!read)
      return read.error();
    for (auto& [batch, bytes] : read->entries) {
      if (batch.stamp.batch_no != ++after)
        return failure{errc::corrupt, entry_name(shard, after) + " is missing; the next one is " +
                                          std::to_string(batch.stamp.batch_no)};
      const std::array<std::string_view, 1> payload{bytes};
      batch.payload = payload;
      if (result<void> visited = visit(batch); !visited)
        return visited;
    }
    if (!read->entries.empty())
      continue;
    if (after < heads_[shard])
      return failure{errc::corrupt, entry_name(shard, after + 1) +
                                        " is missing; the last one committed is " +
                                        std::to_string(heads_[shard])};
    return {};
  }
}

result<mysql_journal::page> mysql_journal::read_page(std::uint32_t shard, std::uint64_t after) {
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
        return failure{errc::corrupt, entry_name(shard, batch_no) + " is damaged"};
      found.entries.back().payload += bytes;
    }
    return found;
  };
  return database_->pool().run("reading the journal", mysql_pool::after_loss::repeat, work);
}

result<std::uint64_t> mysql_journal::last_batch(std::uint32_t shard) {
  if (auto known = know_heads(); !known)
    return known.error();
  return heads_[shard];
}

result<void> mysql_journal::trim(std::uint32_t shard, std::uint64_t upto) {
  assert(shard < heads_.size());
  trimmer_.trim(shard, upto);
  return {};
}

result<std::uint64_t> mysql_journal::opening() {
  const auto record = database_->read_journal_pairing();
  if (!record)
    return record.error();
  return record->confirmed;
}

result<void> mysql_journal::note_opening(std::uint64_t number) {
  return database_->write_journal_pairing({"mysql", number, number, false});
}

result<paired_journal::missing_batches> mysql_journal::find_missing(std::span<const shard_marker>,
                                                                    const journal_pairing&) {
  return missing_batches{};
}

result<void> mysql_journal::meet(std::span<shard_marker>) { return {}; }

} // namespace telemetry::mysql
