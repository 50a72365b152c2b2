#pragma once

#include "core/utc_time.hpp" // times are written as REST does

#include <string>

namespace telemetry::redis {

/// 32 hexadecimal digits that nobody has had before.
[[nodiscard]] std::string random_token();

} // namespace telemetry::redis
