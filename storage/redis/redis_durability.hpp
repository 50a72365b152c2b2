#pragma once

#include "storage/redis/redis_session.hpp"

namespace telemetry::redis {

/// Checks that acknowledged writes to this server survive a power cut: Redis is 6.2 or newer,
/// appendonly is yes, appendfsync is always, fsync also runs while the file is rewritten, and keys
/// are not evicted. Also checks that the server does not write its first append-only file at this
/// time, as after CONFIG SET appendonly yes, because a crash before the file is complete loses all
/// writes of that time. (The first rewrite since a start looks the same and is waited for too.)
/// Blocks.
/// @returns errc::invalid_option with the setting and its value, or with the right that the user
///          lacks; errc::unreachable (wait and try again).
[[nodiscard]] result<void> check_redis_is_durable(redis_session& session);

/// Number of commands that ask_for_syncs() adds.
inline constexpr std::size_t sync_questions = 2;

/// Adds commands that read the settings for syncs, because an operator can change them at any time.
/// They tell whether later commands of the same pipeline are synced before they are answered.
void ask_for_syncs(redis_pipeline& commands);

/// Checks the answers to ask_for_syncs().
/// @param answers begin with those sync_questions answers.
/// @returns errc::invalid_option as check_redis_is_durable().
[[nodiscard]] result<void> check_syncs(const redis_replies& answers, const std::string& where);

} // namespace telemetry::redis
