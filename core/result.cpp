#include "core/result.hpp"

namespace telemetry {

std::string_view to_string(errc code) noexcept {
  switch (code) {
  case errc::malformed:
    return "malformed";
  case errc::unavailable:
    return "unavailable";
  case errc::no_space:
    return "no_space";
  case errc::sync_failed:
    return "sync_failed";
  case errc::fenced:
    return "fenced";
  case errc::corrupt:
    return "corrupt";
  case errc::version:
    return "version";
  case errc::locked:
    return "locked";
  case errc::invalid_option:
    return "invalid_option";
  case errc::shutting_down:
    return "shutting_down";
  case errc::timeout:
    return "timeout";
  case errc::unreachable:
    return "unreachable";
  case errc::write_failed:
    return "write_failed";
  case errc::damaged_row:
    return "damaged_row";
  }
  assert(false && "an errc without a name");
  return "unknown";
}

} // namespace telemetry
