// Counts every operator new and delete of the program.

#include "tests/unit/actors/heap_count.hpp"

#include <cstdlib>
#include <malloc.h>
#include <new>

namespace {

thread_local telemetry::test::heap_count counted; // others' work on other threads is not a test's

void* count_in(void* memory) {
  if (memory == nullptr)
    throw std::bad_alloc();
  ++counted.allocations;
  counted.live_bytes += static_cast<std::int64_t>(malloc_usable_size(memory));
  return memory;
}

void count_out(void* memory) noexcept {
  counted.live_bytes -= static_cast<std::int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

} // namespace

const telemetry::test::heap_count& telemetry::test::heap_now() noexcept { return counted; }

// The array forms call these.
void* operator new(std::size_t size) { return count_in(std::malloc(size)); }
void* operator new(std::size_t size, std::align_val_t align) {
  const auto unit = static_cast<std::size_t>(align);
  return count_in(std::aligned_alloc(unit, (size + unit - 1) / unit * unit));
}
// Of its own, since asan's would not come here; std::stable_partition deletes it by the plain form.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  void* const memory = std::malloc(size);
  return memory == nullptr ? nullptr : count_in(memory);
}
void operator delete(void* memory) noexcept { count_out(memory); }
void operator delete(void* memory, std::size_t) noexcept { count_out(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { count_out(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { count_out(memory); }
