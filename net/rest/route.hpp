#pragma once

#include "net/caller.hpp"
#include "net/rest/rest_context.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace telemetry::net {

/// A set of HTTP methods.
class method_set {
public:
  constexpr method_set(std::initializer_list<http_method> methods) noexcept {
    for (const http_method one : methods)
      bits_ |= bit(one);
  }

  [[nodiscard]] constexpr bool contains(http_method one) const noexcept {
    return (bits_ & bit(one)) != 0;
  }
  [[nodiscard]] constexpr bool overlaps(method_set other) const noexcept {
    return (bits_ & other.bits_) != 0;
  }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  constexpr void add(method_set other) noexcept { bits_ |= other.bits_; }

private:
  static constexpr unsigned bit(http_method one) noexcept {
    return 1u << static_cast<unsigned>(one);
  }

  unsigned bits_ = 0;
};

/// Every address that answers GET also answers HEAD.
inline constexpr method_set get_methods{http_method::get, http_method::head};

/// In a pattern: a segment of the path that is the name of a robot and not empty.
inline constexpr std::string_view robot_segment = "<robot>";

/// Removes the first segment from a path that begins with '/'. @returns the segment.
constexpr std::string_view take_segment(std::string_view& path) noexcept {
  path.remove_prefix(1);
  const std::size_t end = path.find('/');
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end == std::string_view::npos ? path.size() : end);
  return segment;
}

/// One row of the table in routes.cpp. A row that is wrong in itself does not compile.
struct route {
  /// Refuses a request by its head; returns nullopt to accept it.
  using head_check = std::optional<http_answer>(const http_request& request);

  /// @param at e.g. "/api/robots/<robot>/events".
  /// @param needed has no default, so that no route becomes open by mistake.
  /// @param answer a reference, because a route always has a handler.
  consteval route(std::string_view at, method_set answered, scope needed, rest_handler& answer,
                  head_check* check = nullptr)
      : pattern(at), methods(answered), right(needed), handler(&answer), judge(check) {
    if (methods.empty() || methods.contains(http_method::options) ||
        methods.contains(http_method::other))
      throw "a route answers methods that have a name; OPTIONS is answered for all routes";
    if (methods.contains(http_method::get) != methods.contains(http_method::head))
      throw "GET and HEAD go together";
    for (std::string_view rest = pattern; !rest.empty() || pattern.empty();) {
      if (!rest.starts_with('/'))
        throw "a pattern begins with '/'";
      const std::string_view segment = take_segment(rest);
      if (segment.empty() || (segment.find('<') != segment.npos && segment != robot_segment))
        throw "a segment of a pattern is a word or <robot>";
    }
  }

  std::string_view pattern;
  method_set methods;
  /// The right that a caller needs, which find_route() checks.
  scope right;
  rest_handler* handler;
  head_check* judge; ///< may be nullptr
};

} // namespace telemetry::net
