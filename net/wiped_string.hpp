#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <strings.h>

namespace telemetry::net {

/// Overwrites memory before it is given back.
template <class T>
struct wiping_allocator {
  using value_type = T;

  wiping_allocator() = default;
  template <class Other>
  explicit wiping_allocator(const wiping_allocator<Other>&) noexcept {}

  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* at, std::size_t count) noexcept {
    ::explicit_bzero(at, count * sizeof(T));
    std::allocator<T>().deallocate(at, count);
  }
  friend bool operator==(const wiping_allocator&, const wiping_allocator&) = default;
};

/// A string that leaves no copy of what it held in the heap. Short texts inside the object itself
/// are not covered.
using wiped_string = std::basic_string<char, std::char_traits<char>, wiping_allocator<char>>;

/// Removes the first `count` characters, and overwrites the place that the others leave.
inline void wipe_front(wiped_string& text, std::size_t count) noexcept {
  const auto left = text.size() - count;
  std::char_traits<char>::move(text.data(), text.data() + count, left);
  ::explicit_bzero(text.data() + left, count);
  text.resize(left);
}

} // namespace telemetry::net
