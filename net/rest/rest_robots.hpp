#pragma once

#include "net/rest/rest_context.hpp"

namespace telemetry::net {

// Robots, their events and odometers. The path has the robot's name. The query may have it instead,
// because proxies and clients change paths with slashes, `.` and `..`.
//
// A name that is valid UTF-8 but not a legal name is treated as an unknown robot. A name that is
// not UTF-8 is refused with 400, because no answer could contain it.

rest_handler list_robots; ///< all, or those named by `?name=`: one or none
rest_handler show_robot;
rest_handler list_events;
rest_handler measure_robot;

} // namespace telemetry::net
