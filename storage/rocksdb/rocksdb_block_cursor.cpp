#include "storage/rocksdb/rocksdb_block_cursor.hpp"

#include "storage/rocksdb/rocksdb_format.hpp"

#include <algorithm>

namespace telemetry::rocks {
namespace {

/// The first of `rows` at or after `at`.
std::span<const event_row>::iterator first_from(std::span<const event_row> rows,
                                                timestamp_ms at) noexcept {
  return std::lower_bound(rows.begin(), rows.end(), at,
                          [](const event_row& row, timestamp_ms t) { return row.timestamp < t; });
}

} // namespace

block_cursor::block_cursor(const rocksdb_database& database,
                           const rocksdb_database::session& session)
    : database_(database) {
  rocksdb::ReadOptions options;
  options.prefix_same_as_start = true; // skips tables whose filter excludes the robot
  blocks_.reset(session.db().NewIterator(options, session.handle(family::events)));
}

result<std::optional<event_row>> block_cursor::ceil(robot_id robot, timestamp_ms at) {
  if (at > timestamp_max)
    return std::optional<event_row>();
  at = std::max<timestamp_ms>(at, 0);
  const bool here = at_block_ && robot == robot_ && at >= decoded_above_ && at <= block_.last();
  const result<bool> found = here ? result<bool>(true) : seek(robot, at);
  if (!found)
    return found.error();
  if (!*found)
    return std::optional<event_row>();
  decoded_above_ = at;
  if (auto outcome = decode_to(at); !outcome)
    return outcome.error();
  return std::optional<event_row>(*first_from(block_.rows(), at));
}

result<std::optional<event_row>> block_cursor::floor(robot_id robot, timestamp_ms at) {
  if (at < 0)
    return std::optional<event_row>();
  at = std::min(at, timestamp_max);
  // The last row is often asked for with timestamp_max. No block ends after that.
  const result<bool> around = at == timestamp_max ? result<bool>(false) : seek(robot, at);
  if (!around)
    return around.error();
  if (*around && block_.first() <= at) {
    std::optional<event_row> found;
    do {
      if (!block_.next())
        return damaged();
      const auto behind = first_from(block_.rows(), at + 1);
      if (behind != block_.rows().begin())
        found = *std::prev(behind);
      if (behind != block_.rows().end())
        break;
    } while (!block_.rows().empty());
    return found;
  }
  const result<bool> before = seek_before(robot, at);
  if (!before)
    return before.error();
  if (!*before)
    return std::optional<event_row>();
  if (auto outcome = decode_to(block_.last()); !outcome)
    return outcome.error();
  return std::optional<event_row>(block_.rows().back());
}

result<range_ends> block_cursor::ends(robot_id robot, timestamp_ms from, timestamp_ms to) {
  return find_ends(*this, robot, from, to);
}

result<void> block_cursor::scan(robot_id robot, timestamp_ms from, timestamp_ms to,
                                std::size_t limit, std::vector<event_row>& rows) {
  from = std::max<timestamp_ms>(from, 0);
  to = std::min(to, timestamp_max);
  if (to < from || limit == 0)
    return {};
  result<bool> found = seek(robot, from);
  while (found && *found && block_.first() <= to) {
    // A block may repeat rows of an earlier block. These are in `rows` already.
    const timestamp_ms begin = rows.empty() ? from : rows.back().timestamp + 1;
    for (bool more = block_.last() >= begin; more;) {
      if (!block_.next())
        return damaged();
      const std::span<const event_row> decoded = block_.rows();
      const auto first = first_from(decoded, begin);
      const auto end = std::min(first_from(decoded, to + 1),
                                first + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                            limit - rows.size(), decoded.end() - first)));
      if (first < end)
        rows.insert(rows.end(), first, end);
      more = !decoded.empty() && end == decoded.end() && rows.size() < limit;
    }
    if (rows.size() == limit || block_.last() >= to)
      break;
    blocks_->Next();
    found = open_block();
  }
  return found ? result<void>() : result<void>(found.error());
}

/// Moves to the first block that ends at or after `at`. @returns false if there is none.
result<bool> block_cursor::seek(robot_id robot, timestamp_ms at) {
  robot_ = robot;
  blocks_->Seek(make_seek_key(robot, at).view());
  return open_block();
}

/// Moves to the last block that ends at or before `at`. @pre `at` is timestamp_max, or the block
/// that seek() finds begins after `at`. @returns false if there is none.
result<bool> block_cursor::seek_before(robot_id robot, timestamp_ms at) {
  robot_ = robot;
  blocks_->SeekForPrev(make_event_key({robot, at, 1}).view());
  return open_block();
}

result<bool> block_cursor::open_block() {
  at_block_ = false;
  if (!blocks_->Valid()) {
    if (auto outcome = database_.read(blocks_->status(), "reading table events"); !outcome)
      return outcome.error();
    return false;
  }
  const std::optional<block_key> key = read_event_key(blocks_->key().ToStringView());
  if (key && key->robot != robot_) // damage of another robot's block is ignored
    return false;
  if (!key || !block_.open(key->last, key->count, blocks_->value().ToStringView()))
    return damaged();
  at_block_ = true;
  decoded_above_ = 0;
  return true;
}

/// Decodes until a row at or after `at` is among block_.rows(). @pre at <= block_.last().
result<void> block_cursor::decode_to(timestamp_ms at) {
  while (block_.rows().empty() || block_.rows().back().timestamp < at)
    if (!block_.next() || block_.rows().empty())
      return damaged();
  return {};
}

failure block_cursor::damaged() {
  at_block_ = false; // so that no later call continues in the damaged block
  return database_.damaged("row " + blocks_->key().ToString(true) + " of table events");
}

} // namespace telemetry::rocks
