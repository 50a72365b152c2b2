#include "actors/free_memory.hpp"

#include <cstddef>
#include <malloc.h>

/// Part of jemalloc; nullptr in builds without it.
extern "C" int mallctl(const char*, void*, std::size_t*, void*, std::size_t) __attribute__((weak));

namespace telemetry {

void release_free_memory() noexcept {
  constexpr const char* purge_all_arenas = "arena.4096.purge"; // MALLCTL_ARENAS_ALL
  if (mallctl != nullptr)
    mallctl(purge_all_arenas, nullptr, nullptr, nullptr, 0);
  else
    malloc_trim(0);
}

} // namespace telemetry
