#include "net/rest/routes.hpp"

#include "net/rest/rest_ingest.hpp"
#include "net/rest/rest_probes.hpp"
#include "net/rest/rest_robots.hpp"

#include <array>

namespace telemetry::net {
namespace {

constexpr method_set post_method{http_method::post};

constexpr std::array routes{
    route("/api/robots", get_methods, scope::read, list_robots),
    route("/api/robots/<robot>", get_methods, scope::read, show_robot),
    route("/api/robots/<robot>/events", get_methods, scope::read, list_events),
    route("/api/robots/<robot>/odometer", get_methods, scope::read, measure_robot),
    route("/api/events", get_methods, scope::read, list_events),
    route("/api/events", post_method, scope::ingest, ingest_body, judge_ingest),
    route("/api/odometer", get_methods, scope::read, measure_robot),
    route(upstream_pattern, get_methods, scope::ingest, ask_for_upgrade),
    route("/livez", get_methods, scope::none, answer_livez),
    route("/readyz", get_methods, scope::none, answer_readyz),
    route("/version", get_methods, scope::none, answer_version),
};

consteval bool is_unambiguous() {
  for (const route& one : routes)
    for (const route& other : routes)
      if (&one != &other && one.pattern == other.pattern && one.methods.overlaps(other.methods))
        return false;
  return true;
}
static_assert(is_unambiguous(), "a method of an address stands in two rows");

} // namespace

std::span<const route> all_routes() noexcept { return routes; }

} // namespace telemetry::net
