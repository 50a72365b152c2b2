#pragma once

#include <cstdlib>
#include <string_view>

namespace telemetry::test {

/// Whether this run takes its time (`./test --soak`): tests that thin out what they try do not
/// then.
[[nodiscard]] inline bool is_soak() {
  const char* const asked = std::getenv("TELEMETRY_SOAK");
  return asked != nullptr && std::string_view{asked} == "1";
}

} // namespace telemetry::test
