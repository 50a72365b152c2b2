#pragma once

#include "core/result.hpp"
#include "storage/mysql/mysql_session.hpp"

#include <cstdint>
#include <string>

namespace telemetry::mysql {

/// The version that this program makes and needs.
[[nodiscard]] std::uint32_t mysql_schema_version();

/// Every migration as SQL for a person, in order; a client can run it.
[[nodiscard]] std::string mysql_migrations();

/// Brings the session's database to the version of this program. Repeatable: DDL does not roll back
/// in MySQL, so every statement changes nothing the second time, and the version is written last.
/// Two at once must be kept out by the caller. Throws sql::SQLException.
/// @returns errc::version if the schema is newer, or the tables are somebody else's.
[[nodiscard]] result<void> migrate(mysql_session& session);

} // namespace telemetry::mysql
