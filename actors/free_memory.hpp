#pragma once

namespace telemetry {

/// Returns unused pages of the heap to the kernel. The heap is jemalloc's, or glibc's in builds
/// without jemalloc (sanitizers, tests). Takes milliseconds. Thread-safe.
void release_free_memory() noexcept;

} // namespace telemetry
