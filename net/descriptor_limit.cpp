#include "net/descriptor_limit.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace telemetry::net {

std::uint64_t connections_within(std::uint64_t files_max) noexcept {
  constexpr auto others = descriptors_beside_connections + refusals_max;
  if (files_max == 0)
    return UINT64_MAX;
  return std::max(files_max / 4, files_max - std::min(files_max, others));
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 0;
  auto raised = limit;
  raised.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

} // namespace telemetry::net
