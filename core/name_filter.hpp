#pragma once

#include "core/event.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telemetry {

/// The name of a robot that a caller may use. Only a name_filter makes one, so code that forgets to
/// check the caller's right does not compile.
class permitted_name {
public:
  [[nodiscard]] const std::string& value() const& noexcept { return value_; }
  [[nodiscard]] std::string value() && noexcept { return std::move(value_); }

private:
  friend class name_filter;
  explicit permitted_name(std::string value) noexcept : value_(std::move(value)) {}

  std::string value_;
};

/// An event of a robot that a caller may write to, likewise. Views what the event_view views.
class permitted_event {
public:
  [[nodiscard]] const event_view& value() const noexcept { return value_; }

private:
  friend class name_filter;
  explicit permitted_event(const event_view& value) noexcept : value_(value) {}

  event_view value_;
};

/// Names above `after` ("" is below all names) and below `before` ("": no bound). Neither needs to
/// be a legal name.
struct name_range {
  std::string after;
  std::string before;
  friend bool operator==(const name_range&, const name_range&) = default;
};

/// The robots that a caller may see and write: all, or those whose name begins with one of some
/// prefixes. Names are compared byte by byte, without case folding or normalisation.
///
/// Immutable; thread-safe.
class name_filter {
public:
  /// Every robot.
  [[nodiscard]] static name_filter all() { return {}; }
  [[nodiscard]] static name_filter none() { return name_filter(std::vector<std::string>{}); }
  /// Robots whose name begins with one of `prefixes`; without prefixes, no robot.
  explicit name_filter(std::vector<std::string> prefixes);

  [[nodiscard]] bool permits(std::string_view name) const noexcept;
  [[nodiscard]] std::optional<permitted_name> permit(std::string name) const;
  [[nodiscard]] std::optional<permitted_event> permit(const event_view& event) const noexcept;

  [[nodiscard]] bool permits_all() const noexcept { return permits_all_; }
  /// Whether this permits every name that `other` permits.
  [[nodiscard]] bool covers(const name_filter& other) const noexcept;
  /// In order, and none of them begins with another. Empty if it permits all robots.
  [[nodiscard]] std::span<const std::string> prefixes() const noexcept { return prefixes_; }

  /// The names above `after` that are permitted, in order. So a list of few robots costs little,
  /// however many other robots there are.
  [[nodiscard]] std::vector<name_range> ranges_above(std::string_view after) const;

  friend bool operator==(const name_filter&, const name_filter&) = default;

private:
  name_filter() = default;
  [[nodiscard]] const std::string* range_of(std::string_view name) const noexcept;

  std::vector<std::string> prefixes_;
  bool permits_all_ = true;
};

} // namespace telemetry
