#pragma once

#include "storage/redis/redis_session.hpp"

namespace telemetry::redis {

/// Checks that an answer of this server survives a power cut: Redis 6.2 or newer, appendonly yes,
/// appendfsync always, fsync also while the file is rewritten, and no eviction of keys. Also that
/// it is not just writing its first append-only file, as after CONFIG SET appendonly yes: a crash
/// before that is complete loses what came meanwhile. (The first rewrite since a start looks the
/// same, and is waited for, too.)
/// @returns errc::invalid_option naming the setting and the value found, or what the user lacks;
///          errc::unreachable (wait and try again).
[[nodiscard]] result<void> check_redis_is_durable(redis_session& session);

/// Commands of ask_for_syncs().
inline constexpr std::size_t sync_questions = 2;

/// Asks for the settings that decide whether the commands behind, in the same pipeline, are synced
/// before they are answered: an operator can change them at any time.
void ask_for_syncs(redis_pipeline& commands);

/// @param answers the first sync_questions of them are those to ask_for_syncs().
/// @returns errc::invalid_option as check_redis_is_durable().
[[nodiscard]] result<void> check_syncs(const redis_replies& answers, const std::string& where);

} // namespace telemetry::redis
