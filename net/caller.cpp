#include "net/caller.hpp"

namespace telemetry::net {

const caller_ptr& anonymous() {
  static const caller_ptr everybody = std::make_shared<const caller>(
      caller{"anonymous", {scope::read, scope::ingest, scope::admin}, name_filter::all()});
  return everybody;
}

} // namespace telemetry::net
