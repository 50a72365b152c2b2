#pragma once

#include "core/name_filter.hpp"

#include <string>

namespace telemetry::test {

/// `name`, as a caller with all rights may use it.
inline permitted_name permitted(std::string name) {
  return *name_filter::all().permit(std::move(name));
}

} // namespace telemetry::test
