#pragma once

#include "storage/redis_session.hpp"

namespace telemetry::detail {

/// Checks that an answer of this server survives a power cut: Redis 6.2 or newer, appendonly yes,
/// appendfsync always, fsync also while the file is rewritten, and no eviction of keys.
/// @returns errc::invalid_option naming the setting and the value found, or what the user lacks.
[[nodiscard]] result<void> check_redis_is_durable(redis_session& session);

/// Checks that the server is not just writing its first append-only file, as after CONFIG SET
/// appendonly yes: a crash before that is complete loses what came meanwhile. The first rewrite
/// since a start looks the same, and is waited for, too.
/// @returns errc::unreachable (wait and try again).
[[nodiscard]] result<void> check_append_only_file(redis_session& session);

} // namespace telemetry::detail
