// The part of redis_journal that opens a journal and compares it with its store.

#include "storage/redis/redis_journal.hpp"

#include "storage/redis/redis_scripts.hpp"
#include "storage/redis/redis_text.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace telemetry::redis {

result<std::unique_ptr<redis_journal>> redis_journal::open(const redis_options& options,
                                                           std::uint32_t shards,
                                                           const std::string& store_uuid) {
  std::unique_ptr<redis_journal> made(new redis_journal(options, shards));
  if (result<void> connected = made->session_.connect(); !connected)
    return connected.error();
  if (result<void> taken = made->take_over(store_uuid); !taken)
    return taken.error();
  if (result<void> read = made->read_forgiven(); !read)
    return read.error();
  return made;
}

std::string redis_journal::description() const {
  std::string out = session_.where();
  if (out.starts_with("redis "))
    out.insert(6, session_.version() + " ");
  return out;
}

result<void> redis_journal::take_over(const std::string& store_uuid) {
  redis_pipeline command;
  command.command({"EVAL", redis_scripts::take_over, "3", keys_.meta, keys_.owner, keys_.heads,
                   redis_journal_version, store_uuid, std::to_string(shards_), random_token()});
  const auto reply = session_.ask(command, "taking over the journal");
  if (!reply)
    return reply.error();
  const redis_value answer = value_of(*reply);
  const std::string_view state = answer[0].text();
  if (state == "remains")
    return failure{errc::corrupt, session_.where() + ": " + keys_.heads + " is there, but " +
                                      keys_.meta + " is gone: restore it, or delete " +
                                      keys_.heads + " too and see at the next start what is lost"};
  if (state == "foreign")
    return failure{errc::version, session_.where() + ": " + keys_.meta + " says format " +
                                      std::string(answer[1].text()) + ", store " +
                                      std::string(answer[2].text()) + ", " +
                                      std::string(answer[3].text()) + " shards; expected format " +
                                      std::string(redis_journal_version) + ", store " + store_uuid +
                                      ", " + std::to_string(shards_) +
                                      " shards: it is another journal; use another redis.prefix"};
  is_new_ = state == "new";
  owner_ = answer[1].text();
  generation_ = decimal_number(owner_.substr(0, owner_.find(' '))).value_or(0);
  return {};
}

result<void> redis_journal::read_forgiven() {
  const auto reply = session_.ask({"HGETALL", keys_.forgiven});
  if (!reply)
    return reply.error();
  const redis_value pairs = value_of(*reply);
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    const auto shard = pairs[i].number();
    if (shard && *shard < shards_)
      forgiven_[*shard] = pairs[i + 1].number().value_or(0);
  }
  return {};
}

result<std::vector<shard_survey>> redis_journal::survey() {
  redis_pipeline question;
  question.begin(4 + shards_).add("EVAL").add(redis_scripts::survey);
  question.add(std::uint64_t{1} + shards_).add(keys_.heads);
  for (std::uint32_t shard = 0; shard < shards_; ++shard)
    question.add(keys_.stream(shard));
  const auto reply = session_.ask(question, "checking the journal");
  if (!reply)
    return reply.error();
  std::vector<shard_survey> out;
  for (std::uint32_t shard = 0; shard < shards_; ++shard) {
    const redis_value found = value_of(*reply)[shard];
    out.push_back({shard, found[0].number(), read_redis_id(found[1].text()).value_or(0),
                   read_redis_id(found[2].text()).value_or(0), found[3].number().value_or(0)});
  }
  return out;
}

result<std::vector<number_range>> redis_journal::find_gaps(const shard_survey& shard,
                                                           std::uint64_t cut) {
  std::vector<number_range> gaps;
  std::uint64_t after = std::max(cut, forgiven_[shard.shard]);
  for (;;) {
    const auto reply = read_page(shard.shard, after + 1);
    if (!reply)
      return reply.error();
    const redis_value page = value_of(*reply);
    if (page.size() == 0)
      break;
    for (std::size_t i = 0; i < page.size(); ++i) {
      const auto batch_no = read_redis_id(page[i][0].text());
      if (!batch_no)
        return failure{errc::corrupt, session_.where() + ": " + keys_.stream(shard.shard) +
                                          " has the foreign entry " +
                                          std::string(page[i][0].text())};
      if (*batch_no != after + 1)
        gaps.push_back({after + 1, *batch_no - 1});
      after = *batch_no;
    }
  }
  if (shard.head.value_or(0) > after)
    gaps.push_back({after + 1, *shard.head});
  return gaps;
}

result<std::vector<shard_loss>> redis_journal::find_losses(std::span<const shard_marker> markers) {
  const auto found = survey();
  if (!found)
    return found.error();
  std::vector<shard_loss> losses;
  for (const shard_marker& marker : markers) {
    assert(marker.shard < shards_);
    const shard_survey& shard = (*found)[marker.shard];
    if (is_whole(shard, marker.cut))
      continue;
    const auto gaps = find_gaps(shard, marker.cut);
    if (!gaps)
      return gaps.error();
    if (auto loss = judge_shard(shard, marker.cut, *gaps))
      losses.push_back(std::move(*loss));
  }
  return losses;
}

result<std::string> redis_journal::check_against(std::span<const shard_marker> markers) {
  const auto losses = find_losses(markers);
  if (!losses)
    return losses.error();
  if (losses->empty())
    return std::string();
  const std::string text = session_.where() + " has lost acknowledged events of the journal: " +
                           describe_losses(*losses);
  const auto accepted = session_.ask({"HGET", keys_.meta, "accept_loss"});
  if (!accepted)
    return accepted.error();
  const std::string code = loss_code(*losses);
  if (value_of(*accepted).text() != code)
    return failure{errc::corrupt, text + ". Restore them, or go on without them: redis-cli -n " +
                                      std::to_string(database_) + " HSET " + keys_.meta +
                                      " accept_loss " + code + ", and start again"};
  if (result<void> done = accept(*losses, text); !done)
    return done.error();
  return text;
}

result<paired_journal::missing_batches>
redis_journal::find_missing(std::span<const shard_marker> markers, const journal_pairing& before) {
  if (before.is_drained || (before.is_free() && is_new_))
    return missing_batches{};
  auto accepted = check_against(markers);
  if (!accepted)
    return accepted.error();
  const bool is_lost = !accepted->empty();
  return missing_batches{std::move(*accepted), is_lost};
}

result<void> redis_journal::accept(const std::vector<shard_loss>& losses, const std::string& text) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::string line;
  append_utc_time(line, std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  line += " accepted: " + text;
  redis_pipeline command;
  command.begin(10 + 2 * losses.size()).add("EVAL").add(redis_scripts::accept_loss).add("5");
  command.add(keys_.owner).add(keys_.heads).add(keys_.meta).add(keys_.forgiven).add(keys_.losses);
  command.add(owner_).add(line);
  for (const shard_loss& loss : losses)
    command.add(std::uint64_t{loss.shard}).add(loss.go_on_above);
  const auto reply = session_.ask(command, "accepting a loss");
  if (!reply)
    return reply.error();
  if (value_of(*reply).text() != "OK")
    return not_ours(value_of(*reply)[1].text());
  for (const shard_loss& loss : losses)
    forgiven_[loss.shard] = loss.go_on_above;
  return {};
}

result<void> redis_journal::continue_from(std::span<const shard_marker> markers) {
  if (markers.empty())
    return {};
  redis_pipeline command;
  command.begin(6 + 2 * markers.size()).add("EVAL").add(redis_scripts::raise_heads).add("2");
  command.add(keys_.owner).add(keys_.heads).add(owner_);
  for (const shard_marker& marker : markers)
    command.add(std::uint64_t{marker.shard}).add(marker.cut);
  const auto reply = session_.ask(command, "raising the ends of the journal");
  if (!reply)
    return reply.error();
  if (value_of(*reply).text() != "OK")
    return not_ours(value_of(*reply)[1].text());
  return {};
}

result<std::uint64_t> redis_journal::opening() {
  const auto reply = session_.ask({"HGET", keys_.meta, "opening"});
  if (!reply)
    return reply.error();
  return value_of(*reply).number().value_or(0);
}

result<void> redis_journal::note_opening(std::uint64_t number) {
  const auto reply = session_.ask({"HSET", keys_.meta, "opening", std::to_string(number)});
  return reply ? result<void>{} : reply.error();
}

} // namespace telemetry::redis
