#pragma once

#include "net/rest/rest_handler.hpp"

#include <memory>

namespace telemetry::net {

// The endpoints below /api/robots; each as answer_request(), for one of them.
//
// A name that is valid UTF-8 but no legal name is that of an unknown robot; one that is not UTF-8
// is refused with 400, since no answer could spell it.

[[nodiscard]] std::shared_ptr<rest_operation> list_robots(const http_request& request,
                                                          const http_target& target,
                                                          session_context& context,
                                                          answer_callback done);

[[nodiscard]] std::shared_ptr<rest_operation> show_robot(const http_request& request,
                                                         http_target target,
                                                         session_context& context,
                                                         answer_callback done);

[[nodiscard]] std::shared_ptr<rest_operation> list_events(const http_request& request,
                                                          http_target target,
                                                          session_context& context,
                                                          answer_callback done);

[[nodiscard]] std::shared_ptr<rest_operation> measure_robot(const http_request& request,
                                                            http_target target,
                                                            session_context& context,
                                                            answer_callback done);

} // namespace telemetry::net
