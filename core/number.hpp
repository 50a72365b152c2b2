#pragma once

#include <cstdint>
#include <string>

namespace telemetry {

/// Appends the shortest decimal form that reads back to the same double, always with a decimal
/// point or an exponent ("1.0", "-0.25", "1e+300"). @pre `value` is finite.
void append_double(std::string& out, double value);

/// Appends a decimal integer.
void append_integer(std::string& out, std::int64_t value);

} // namespace telemetry
