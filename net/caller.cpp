#include "net/caller.hpp"

namespace telemetry::net {

const caller_ptr& anonymous() {
  static const caller_ptr everybody =
      std::make_shared<const caller>(caller{"open", {scope::admin}, name_filter::all()});
  return everybody;
}

caller_ptr local_caller(unsigned uid) {
  return std::make_shared<const caller>(
      caller{"local:" + std::to_string(uid), {scope::admin}, name_filter::all()});
}

} // namespace telemetry::net
