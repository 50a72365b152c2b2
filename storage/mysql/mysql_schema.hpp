#pragma once

#include "core/result.hpp"
#include "storage/mysql/mysql_session.hpp"

#include <cstdint>
#include <string>

namespace telemetry::mysql {

/// The schema version that this program creates and needs.
[[nodiscard]] std::uint32_t mysql_schema_version();

/// The SQL of all migrations, in order, for people to read or to run by a client.
[[nodiscard]] std::string mysql_migrations();

/// Brings the session's database to the schema version of this program. May be repeated after an
/// error: MySQL does not roll back DDL, but no statement has an effect the second time, and the
/// version is written last. Throws sql::SQLException.
/// @pre no other process migrates the same database.
/// @returns errc::version if the schema is newer, or the tables are not telemetryd's.
[[nodiscard]] result<void> migrate(mysql_session& session);

} // namespace telemetry::mysql
