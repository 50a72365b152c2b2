#pragma once

#include <cstdlib>

namespace telemetry::fuzz {

/// What must hold for every input; the fuzzer reports the one for which it does not.
inline void require(bool holds) {
  if (!holds)
    std::abort();
}

} // namespace telemetry::fuzz
