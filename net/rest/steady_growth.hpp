#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

namespace telemetry::net {

/// Makes room for `more` bytes after `text`, which will have at most `bytes_max` in the end.
///
/// A string that doubles its room copies its whole text in one step. For a text of 8 MiB that step
/// takes 6 ms, mostly for page faults, and the I/O thread serves no other connection meanwhile.
/// Therefore a text that becomes long gets all its room at once. Unused room takes no memory, only
/// addresses.
inline void reserve_steadily(std::string& text, std::size_t more, std::size_t bytes_max) {
  constexpr std::size_t short_bytes = 64u << 10; // copied in less than 0.1 ms
  constexpr std::size_t room_bytes = 16u << 20;
  const std::size_t wanted = text.size() + more;
  if (wanted <= text.capacity() || wanted <= short_bytes)
    return;
  text.reserve(std::max(wanted, std::min(bytes_max, std::max(room_bytes, 2 * wanted))));
}

} // namespace telemetry::net
