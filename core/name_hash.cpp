#include "core/name_hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace telemetry {

std::uint64_t name_hash(std::string_view name) noexcept {
  return XXH3_64bits(name.data(), name.size());
}

} // namespace telemetry
