#include "storage/redis/redis_durability.hpp"

#include <array>
#include <span>

namespace telemetry::redis {
namespace {

struct needed_setting {
  std::string_view name;
  std::string_view value; ///< "": any policy that does not evict keys without expiry
  std::string_view why;
};

constexpr std::array needed_settings{
    // ask_for_syncs() asks for the first two.
    needed_setting{"appendonly", "yes", "without the append-only file a restart loses the journal"},
    needed_setting{"appendfsync", "always",
                   "otherwise a power cut loses events that were answered OK"},
    needed_setting{"no-appendfsync-on-rewrite", "no",
                   "otherwise nothing is synced while the append-only file is rewritten"},
    needed_setting{"maxmemory-policy", "", "evicted keys are lost events: set noeviction"},
};

/// Whether Redis is older than 6.2, which brought XTRIM MINID and exclusive ranges. An unknown
/// version counts as new enough.
bool is_too_old(const std::string& version) {
  const auto dot = version.find('.');
  if (dot == std::string::npos)
    return false;
  const auto rest = std::string_view(version).substr(dot + 1);
  const auto major = decimal_number(std::string_view(version).substr(0, dot));
  const auto minor = decimal_number(rest.substr(0, rest.find('.')));
  return major && minor && (*major < 6 || (*major == 6 && *minor < 2));
}

bool fits(const needed_setting& needed, std::string_view found) {
  return needed.value.empty() ? !found.starts_with("allkeys-") : found == needed.value;
}

void ask(redis_pipeline& commands, std::span<const needed_setting> settings) {
  for (const needed_setting& needed : settings)
    commands.command({"CONFIG", "GET", needed.name});
}

result<void> judge(const needed_setting& needed, const redis_value& answer,
                   const std::string& where) {
  const std::string setting = where + ": " + std::string(needed.name);
  if (answer.is_error() || answer.size() != 2)
    return failure{errc::invalid_option,
                   setting + " cannot be read; the user needs the right to run CONFIG GET (ACL: " +
                       "+config|get): " + std::string(answer.text())};
  const std::string found(answer[1].text());
  if (fits(needed, found))
    return {};
  const std::string must =
      needed.value.empty() ? "" : ", must be \"" + std::string(needed.value) + "\"";
  return failure{errc::invalid_option,
                 setting + " is \"" + found + "\"" + must + ": " + std::string(needed.why)};
}

result<void> check_append_only_file(redis_session& session) {
  const auto reply = session.ask({"INFO", "persistence"});
  if (!reply)
    return reply.error();
  const std::string_view info = value_of(*reply).text();
  const bool is_writing = info.find("aof_rewrite_in_progress:1") != std::string_view::npos ||
                          info.find("aof_rewrite_scheduled:1") != std::string_view::npos;
  if (is_writing && info.find("aof_last_rewrite_time_sec:-1") != std::string_view::npos)
    return failure{errc::unreachable, session.where() +
                                          " is writing its first append-only file; nothing is sure "
                                          "to be durable before that is done"};
  return {};
}

} // namespace

result<void> check_redis_is_durable(redis_session& session) {
  if (is_too_old(session.version()))
    return failure{errc::invalid_option, session.where() + " is version " + session.version() +
                                             "; as a journal it must be 6.2 or newer"};
  redis_pipeline questions;
  ask(questions, needed_settings);
  const auto answers = session.run(questions);
  if (!answers)
    return answers.error();
  for (std::size_t i = 0; i < needed_settings.size(); ++i) {
    if (result<void> fine = judge(needed_settings[i], value_of((*answers)[i]), session.where());
        !fine)
      return fine;
  }
  return check_append_only_file(session);
}

void ask_for_syncs(redis_pipeline& commands) {
  ask(commands, std::span(needed_settings).first<sync_questions>());
}

result<void> check_syncs(const redis_replies& answers, const std::string& where) {
  for (std::size_t i = 0; i < sync_questions; ++i) {
    if (result<void> fine = judge(needed_settings[i], value_of(answers[i]), where); !fine)
      return fine;
  }
  return {};
}

} // namespace telemetry::redis
