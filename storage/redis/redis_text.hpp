#pragma once

#include "core/utc_time.hpp" // for times in the same form as in REST

#include <string>

namespace telemetry::redis {

/// 128 random bits as 32 hexadecimal digits.
[[nodiscard]] std::string random_token();

} // namespace telemetry::redis
