#pragma once

#include "net/rest/rest_context.hpp"

namespace telemetry::net {

// Robots, their events and odometers. A robot is named by the path, or by the query where a proxy
// or a client would spoil the path: slashes, `.` and `..`.
//
// A name that is valid UTF-8 but no legal name is that of an unknown robot; one that is not UTF-8
// is refused with 400, since no answer could spell it.

rest_handler list_robots; ///< all, or those named by `?name=`: one or none
rest_handler show_robot;
rest_handler list_events;
rest_handler measure_robot;

} // namespace telemetry::net
