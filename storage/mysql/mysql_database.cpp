#include "storage/mysql/mysql_database.hpp"

#include "storage/data_dir/format_file.hpp"
#include "storage/mysql/mysql_schema.hpp"
#include "storage/mysql/mysql_text.hpp"

#include <algorithm>
#include <charconv>
#include <random>

namespace telemetry::mysql {
namespace {

constexpr std::size_t rows_per_statement = 1000;
constexpr std::size_t meta_value_bytes_max = 255;

std::string to_hex(std::uint64_t value) {
  std::string text(16, '0');
  for (std::size_t i = 0; i < text.size(); ++i)
    text[text.size() - 1 - i] = "0123456789abcdef"[(value >> (4 * i)) & 15];
  return text;
}

std::string make_uuid() {
  std::random_device random;
  const auto half = [&random] { return (std::uint64_t{random()} << 32) | std::uint64_t{random()}; };
  return to_hex(half()) + to_hex(half());
}

/// The value of `name` in the table meta; empty if absent.
std::string meta_value(mysql_session& session, std::string_view name) {
  mysql_rows rows =
      session.query(sql_text("SELECT value FROM meta WHERE name = '", name, "'").str());
  return rows.next() ? rows.bytes(1) : "";
}

void put_meta(mysql_session& session, std::string_view name, std::string_view value) {
  session.update(sql_text("INSERT INTO meta (name, value) VALUES ('", name, "', ",
                          sql_bytes{value.substr(0, meta_value_bytes_max)},
                          ") ON DUPLICATE KEY UPDATE value = VALUES(value)")
                     .str());
}

/// Inserts one row per shard into `table`, whose other columns are `rest`.
void insert_shards(mysql_session& session, std::string_view table, std::string_view rest,
                   std::uint32_t shards) {
  for (std::uint32_t shard = 0; shard < shards;) {
    sql_text insert("INSERT INTO ", table, " VALUES ");
    for (std::size_t rows = 0; rows < rows_per_statement && shard < shards; ++rows, ++shard)
      insert.add(rows == 0 ? "(" : ", (", shard, rest, ")");
    session.update(insert.str());
  }
}

struct epochs {
  std::uint64_t rows;
  std::uint64_t lowest;
  std::uint64_t highest;
};

epochs read_epochs(mysql_session& session, std::string_view table) {
  mysql_rows rows = session.query(sql_text("SELECT COUNT(*), COALESCE(MIN(epoch), 0),"
                                           " COALESCE(MAX(epoch), 0) FROM ",
                                           table)
                                      .str());
  if (!rows.next())
    return {0, 0, 0};
  return {rows.number(1), rows.number(2), rows.number(3)};
}

} // namespace

result<std::shared_ptr<mysql_database>> mysql_database::open(const mysql_options& options,
                                                             std::uint32_t shards) {
  return open(options, shards, false);
}

result<std::shared_ptr<mysql_database>> mysql_database::open_shared(const mysql_options& options,
                                                                    std::uint32_t shards) {
  return open(options, shards, true);
}

result<std::shared_ptr<mysql_database>> mysql_database::open(const mysql_options& options,
                                                             std::uint32_t shards, bool is_shared) {
  if (shards == 0 || shards > format_file::shards_max)
    return failure{errc::invalid_option, "shards must be 1 to " +
                                             std::to_string(format_file::shards_max) + ", not " +
                                             std::to_string(shards)};
  std::shared_ptr<mysql_database> database(new mysql_database(options, is_shared));
  if (auto ready = database->prepare(shards); !ready) {
    failure why = ready.error();
    if (why.code == errc::unavailable)
      why.code = errc::unreachable; // because no database is open yet
    return why;
  }
  return database;
}

result<void> mysql_database::prepare(std::uint32_t shards) {
  auto session = pool_.connect();
  if (!session)
    return session.error();
  const std::string& name = pool_.options().database;
  try {
    if (!lock_.take(**session))
      return failure{errc::locked, "another telemetryd holds the database \"" + name + "\" on " +
                                       (*session)->description()};
    if (auto migrated = migrate(**session); !migrated)
      return migrated;
    if (auto created = create(**session, shards); !created)
      return created;
    if (auto whole = check_losses(**session); !whole)
      return whole;
    if (auto taken = is_shared_ ? share(**session) : take_over(**session); !taken)
      return taken;
  } catch (const sql::SQLException& thrown) {
    return to_failure(thrown, "opening the database \"" + name + "\"");
  }
  description_ = (*session)->description();
  written_ = std::vector<std::atomic<std::uint64_t>>(shards_);
  if (is_shared_)
    return {}; // the lock goes with the session
  pool_.check_with([this](mysql_session& opened) { return check_written(opened); });
  lock_.hold(std::move(*session));
  return {};
}

/// A primary that was frozen and has been replaced says for some seconds after it wakes that it is
/// the primary. It lacks what the new one has committed, so no session to it is used. Another
/// server that lacks commits has lost them, which the next write finds out.
result<void> mysql_database::check_written(mysql_session& session) const {
  if (!session.is_of_group())
    return {};
  mysql_rows rows = session.query("SELECT shard, epoch, writes FROM markers");
  while (rows.next()) {
    const auto shard = rows.number(1);
    if (shard < written_.size() && rows.number(2) <= epoch_ &&
        (rows.number(2) < epoch_ || rows.number(3) < written_[shard].load()))
      return failure{errc::unreachable, session.description() +
                                            " is behind: it lacks checkpoints of shard " +
                                            std::to_string(shard)};
  }
  return {};
}

/// The first node of a cluster takes the database from single nodes.
result<void> mysql_database::share(mysql_session& session) const {
  session.update("UPDATE cluster SET mode = 1, version = version + 1 WHERE id = 1 AND mode = 0");
  return {};
}

result<void> mysql_database::create(mysql_session& session, std::uint32_t shards) {
  if (meta_value(session, "shards").empty()) {
    session.begin();
    session.update(sql_text("INSERT INTO meta (name, value) VALUES ('shards', '", shards,
                            "'), ('uuid', '", make_uuid(), "')")
                       .str());
    insert_shards(session, "shards (shard, epoch, batch_no)", ", 0, 0", shards);
    insert_shards(session, "markers", ", 0, 0, -1, -1, 0, 0", shards);
    session.commit();
  }
  return read_meta(session);
}

result<void> mysql_database::read_meta(mysql_session& session) {
  const std::string shards = meta_value(session, "shards");
  uuid_ = meta_value(session, "uuid");
  const auto read = std::from_chars(shards.data(), shards.data() + shards.size(), shards_);
  if (read.ec != std::errc() || shards_ == 0 || shards_ > format_file::shards_max)
    return failure{errc::corrupt, "the table meta has the number of shards \"" + shards + "\""};
  return {};
}

result<void> mysql_database::check_losses(mysql_session& session) const {
  const std::string lost = meta_value(session, "lost");
  if (lost.empty())
    return {};
  return failure{errc::corrupt, lost +
                                    ". Point mysql.hosts at a server that has it, or restore it; "
                                    "to go on without: DELETE FROM " +
                                    pool_.options().database + ".meta WHERE name = 'lost'"};
}

result<void> mysql_database::take_over(mysql_session& session) {
  const epochs journal = read_epochs(session, "shards");
  const epochs store = read_epochs(session, "markers");
  if (journal.rows != shards_ || store.rows != shards_)
    return failure{errc::corrupt,
                   "the tables shards and markers have " + std::to_string(journal.rows) + " and " +
                       std::to_string(store.rows) + " rows, not " + std::to_string(shards_)};
  mysql_rows cluster = session.query("SELECT version FROM cluster WHERE id = 1");
  const std::uint64_t version = cluster.next() ? cluster.number(1) : 0;
  mysql_rows nodes = session.query("SELECT name FROM nodes JOIN cluster ON mode = 1"
                                   " WHERE state IN (1, 2)");
  if (nodes.next())
    return failure{errc::locked, "the database \"" + pool_.options().database +
                                     "\" belongs to a cluster with the node " + nodes.bytes(1) +
                                     ": stop its nodes first"};
  epoch_ = std::max(journal.highest, store.highest) + 1;
  session.begin();
  const sql_text leave_cluster("UPDATE cluster SET mode = 0, version = version + 1 WHERE id = 1"
                               " AND version = ",
                               version);
  if (session.update(leave_cluster.str()) != 1) {
    session.rollback();
    return failure{errc::locked, "another telemetryd joins the cluster of the database \"" +
                                     pool_.options().database + "\" at the same time"};
  }
  for (const auto& [table, others] :
       {std::pair{"shards", ", owner = 0"}, {"markers", ", writes = 0"}}) {
    const sql_text raise("UPDATE ", table, " SET epoch = ", epoch_, others, " WHERE epoch < ",
                         epoch_);
    if (session.update(raise.str()) == shards_)
      continue;
    session.rollback(); // two processes may start at once, if servers do not share the lock
    return failure{errc::locked, "another telemetryd opens the database \"" +
                                     pool_.options().database + "\" at the same time"};
  }
  session.commit();
  return {};
}

result<journal_pairing> mysql_database::read_journal_pairing() {
  const auto work = [](mysql_session& session) {
    return journal_pairing::from_text(meta_value(session, "journal"));
  };
  return pool_.run("reading the table meta", mysql_pool::after_loss::repeat, work);
}

result<void> mysql_database::write_journal_pairing(const journal_pairing& record) {
  const auto work = [&record](mysql_session& session) -> result<void> {
    put_meta(session, "journal", record.to_text());
    return {};
  };
  return pool_.run("noting the journal in use", mysql_pool::after_loss::repeat, work);
}

std::string mysql_database::accept_journal() const {
  return "UPDATE " + pool_.options().database + ".meta SET value = '' WHERE name = 'journal'";
}

result<void> mysql_database::check_tenures(mysql_session& session, std::string_view table,
                                           std::span<const tenure> ours,
                                           std::span<const std::uint64_t> now,
                                           std::vector<tenure>& ended) {
  for (const tenure& one : ours) {
    const std::string shard =
        " of shard " + std::to_string(one.shard) + " in the table " + std::string(table);
    const std::string epochs = "epoch " + std::to_string(now[one.shard]) + shard + ", ours is " +
                               std::to_string(fence_of(one));
    if (now[one.shard] < fence_of(one))
      return forgotten(session, epochs);
    if (now[one.shard] > fence_of(one))
      ended.push_back(one);
  }
  if (ended.empty())
    return {};
  const tenure& first = ended.front();
  return failure{
      errc::fenced,
      (is_shared_ ? "another node owns shard " + std::to_string(first.shard) + " of the database \""
                  : "another telemetryd has taken over the database \"") +
          pool_.options().database + "\": epoch " + std::to_string(now[first.shard]) +
          ", ours is " + std::to_string(fence_of(first))};
}

failure mysql_database::why_refused(mysql_session& session, std::string_view table,
                                    std::span<const tenure> ours, std::vector<tenure>& ended) {
  std::vector<std::uint64_t> now(shards_, 0);
  mysql_rows rows = session.query(sql_text("SELECT shard, epoch FROM ", table).str());
  while (rows.next())
    if (const auto shard = rows.number(1); shard < now.size())
      now[shard] = rows.number(2);
  if (auto owned = check_tenures(session, table, ours, now, ended); !owned)
    return owned.error();
  return {errc::unavailable, "the rows of the table " + std::string(table) + " changed meanwhile"};
}

failure mysql_database::forgotten(mysql_session& session, const std::string& what) {
  const std::string text = session.description() + " has forgotten what it committed: " + what +
                           " (a replica that lagged behind, or a restored backup)";
  try {
    session.rollback();
    put_meta(session, "lost", text);
    return {errc::corrupt, text};
  } catch (const sql::SQLException& thrown) {
    pool_.leave(session);
    return {errc::unavailable,
            session.description() + " is behind, next host: " + what + " (" + thrown.what() + ")"};
  }
}

} // namespace telemetry::mysql
