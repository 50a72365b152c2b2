#include "net/rest/router.hpp"

namespace telemetry::net {
namespace {

std::optional<endpoint> find_robot_endpoint(const std::vector<std::string>& path) noexcept {
  if (path.size() < 3 || path[2].empty())
    return std::nullopt;
  if (path.size() == 3)
    return endpoint::robot;
  if (path.size() > 4)
    return std::nullopt;
  if (path[3] == "events")
    return endpoint::robot_events;
  if (path[3] == "odometer")
    return endpoint::robot_odometer;
  return std::nullopt;
}

} // namespace

std::optional<endpoint> find_endpoint(const http_target& target) noexcept {
  const auto& path = target.path;
  if (path.size() == 1) {
    if (path[0] == "upstream")
      return endpoint::upstream;
    if (path[0] == "livez")
      return endpoint::livez;
    if (path[0] == "readyz")
      return endpoint::readyz;
    if (path[0] == "version")
      return endpoint::version;
    return std::nullopt;
  }
  if (path.size() < 2 || path[0] != "api")
    return std::nullopt;
  if (path[1] == "robots")
    return path.size() == 2 ? endpoint::robots : find_robot_endpoint(path);
  if (path.size() == 2 && path[1] == "events")
    return endpoint::ingest;
  return std::nullopt;
}

std::optional<std::string> address_meant(const http_target& target) {
  http_target meant;
  bool name_is_empty = false;
  for (const std::string& segment : target.path) {
    const bool at_name = meant.path.size() == 2 && meant.path[1] == "robots";
    if (segment.empty()) {
      name_is_empty = name_is_empty || at_name;
      continue;
    }
    if (at_name && name_is_empty) // what follows is no name: /api/robots//events
      return std::nullopt;
    meant.path.push_back(segment);
  }
  if (!find_endpoint(meant))
    return std::nullopt;
  std::string address;
  for (const std::string& segment : meant.path) {
    address += '/';
    append_percent_encoded(address, segment);
  }
  return address;
}

bool allows(endpoint where, http_method method) noexcept {
  switch (method) {
  case http_method::options:
    return true;
  case http_method::get:
  case http_method::head:
    return where != endpoint::ingest;
  case http_method::post:
    return where == endpoint::ingest;
  case http_method::other:
    return false;
  }
  return false;
}

std::string_view allowed_methods(endpoint where) noexcept {
  return where == endpoint::ingest ? "OPTIONS, POST" : "GET, HEAD, OPTIONS";
}

} // namespace telemetry::net
