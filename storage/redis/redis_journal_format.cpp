#include "storage/redis/redis_journal_format.hpp"

#include <array>
#include <charconv>

namespace telemetry::redis {
namespace {

constexpr std::array<std::string_view, 6> field_names{"epoch", "arrival", "horizon",
                                                      "wall",  "kind",    "payload"};

template <class Number>
bool read_number(std::string_view text, Number& to) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, to);
  return error == std::errc() && stop == end && !text.empty();
}

} // namespace

std::optional<redis_journal_entry> read_redis_entry(std::uint32_t shard, const redis_value& entry) {
  const redis_value fields = entry[1];
  if (entry.size() != 2 || fields.size() != 2 * field_names.size())
    return std::nullopt;
  std::array<std::string_view, field_names.size()> values;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (fields[2 * i].text() != field_names[i])
      return std::nullopt;
    values[i] = fields[2 * i + 1].text();
  }
  const auto batch_no = read_redis_id(entry[0].text());
  redis_journal_entry out{};
  journal_batch& batch = out.batch;
  std::uint8_t kind = 0;
  if (!batch_no || !read_number(values[0], batch.epoch) ||
      !read_number(values[1], batch.stamp.arrival_ms) ||
      !read_number(values[2], batch.stamp.horizon_ms) ||
      !read_number(values[3], batch.stamp.wall) || !read_number(values[4], kind) ||
      kind != static_cast<std::uint8_t>(record_kind::events))
    return std::nullopt;
  batch.shard = shard;
  batch.stamp.batch_no = *batch_no;
  batch.kind = record_kind::events;
  out.payload = values[5];
  return out;
}

std::optional<std::uint64_t> read_redis_id(std::string_view id) {
  if (!id.ends_with("-0"))
    return std::nullopt;
  id.remove_suffix(2);
  return decimal_number(id);
}

std::string redis_entry_name(std::uint32_t shard, std::uint64_t batch_no) {
  return "journal entry " + std::to_string(batch_no) + " of shard " + std::to_string(shard);
}

} // namespace telemetry::redis
