#include "net/caller.hpp"

namespace telemetry::net {

const caller_ptr& anonymous() {
  static const caller_ptr everybody = std::make_shared<const caller>(
      caller{"anonymous", {scope::read, scope::write, scope::admin}});
  return everybody;
}

} // namespace telemetry::net
