#pragma once

#include <cstddef>
#include <cstdint>

namespace telemetry::test {

/// What the calling thread has done to the heap through operator new and delete since it started,
/// in this whole program, libraries included.
struct heap_count {
  std::uint64_t allocations = 0;
  std::int64_t live_bytes = 0; ///< as malloc rounds them
};

[[nodiscard]] const heap_count& heap_now() noexcept;

} // namespace telemetry::test
