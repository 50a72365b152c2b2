#include "net/rest/router.hpp"

#include <array>
#include <utility>

namespace telemetry::net {
namespace {

bool matches(std::string_view pattern, const std::vector<std::string>& path) noexcept {
  for (const std::string& segment : path) {
    if (pattern.empty())
      return false;
    const std::string_view wanted = take_segment(pattern);
    if (wanted == robot_segment ? segment.empty() : wanted != segment)
      return false;
  }
  return pattern.empty() && !path.empty();
}

} // namespace

const route* find_row(const http_target& target, http_method method) noexcept {
  for (const route& one : all_routes())
    if (one.methods.contains(method) && matches(one.pattern, target.path))
      return &one;
  return nullptr;
}

method_set methods_at(const http_target& target) noexcept {
  method_set methods{};
  for (const route& one : all_routes())
    if (matches(one.pattern, target.path))
      methods.add(one.methods);
  return methods;
}

method_set methods_anywhere() noexcept {
  method_set methods{};
  for (const route& one : all_routes())
    methods.add(one.methods);
  return methods;
}

std::string allow_list(method_set methods) {
  using enum http_method;
  constexpr std::array<std::pair<http_method, std::string_view>, 6> names{{{delete_, "DELETE"},
                                                                           {get, "GET"},
                                                                           {head, "HEAD"},
                                                                           {options, "OPTIONS"},
                                                                           {post, "POST"},
                                                                           {put, "PUT"}}};
  methods.add({options});
  std::string list;
  for (const auto& [method, name] : names)
    if (methods.contains(method))
      list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

std::optional<std::string> address_meant(const http_target& target) {
  http_target meant;
  bool name_is_empty = false;
  for (const std::string& segment : target.path) {
    // A robot's name stands behind /api/robots only. Extend this when another pattern has one.
    const bool at_name = meant.path.size() == 2 && meant.path[1] == "robots";
    if (segment.empty()) {
      name_is_empty = name_is_empty || at_name;
      continue;
    }
    if (at_name && name_is_empty) // the segment is not a name: /api/robots//events
      return std::nullopt;
    meant.path.push_back(segment);
  }
  if (methods_at(meant).empty())
    return std::nullopt;
  std::string address;
  for (const std::string& segment : meant.path) {
    address += '/';
    append_segment(address, segment);
  }
  return address;
}

std::string list_of_addresses() {
  std::string list;
  std::string_view before;
  for (const route& one : all_routes()) {
    if (one.pattern != before)
      list.append(list.empty() ? "" : ", ").append(one.pattern);
    before = one.pattern;
  }
  return list;
}

} // namespace telemetry::net
