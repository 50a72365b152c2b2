#pragma once

namespace telemetry {

/// Gives unused pages of the heap back to the machine: jemalloc's, or glibc's where that is linked
/// (sanitizers, tests). Takes milliseconds; thread-safe.
void release_free_memory() noexcept;

} // namespace telemetry
