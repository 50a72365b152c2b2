#pragma once

#include "access/rights.hpp"
#include "core/name_filter.hpp"

#include <memory>
#include <string>

namespace telemetry::net {

using access::rights;
using access::scope;

/// On whose behalf a session asks the engine.
struct caller {
  std::string name; ///< for logs
  rights may;
  name_filter robots = name_filter::none();
};

/// Shared, because a request may outlive the session that it came from.
using caller_ptr = std::shared_ptr<const caller>;

/// The caller of every session of a server without keys: it has all rights.
[[nodiscard]] const caller_ptr& anonymous();

} // namespace telemetry::net
