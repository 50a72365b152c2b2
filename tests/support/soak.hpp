#pragma once

#include <cstdlib>
#include <string_view>

namespace telemetry::test {

/// Whether this is a long run (`./test --soak`). In other runs some tests try fewer cases.
[[nodiscard]] inline bool is_soak() {
  const char* const asked = std::getenv("TELEMETRY_SOAK");
  return asked != nullptr && std::string_view{asked} == "1";
}

} // namespace telemetry::test
