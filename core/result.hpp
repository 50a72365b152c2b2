#pragma once

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace telemetry {

/// Causes of failures other than bugs. Numbers never change (PROTOCOL.md has the table).
enum class errc {
  malformed = 1,      ///< input that breaks PROTOCOL.md
  unavailable = 2,    ///< journal or store does not answer for now; retry the call
  no_space = 3,       ///< the disk is full; retry the same call once there is room
  sync_failed = 4,    ///< an fsync failed, so the disk's content is unknown; end the process
  fenced = 5,         ///< another node owns the shard; stop writing to it
  corrupt = 6,        ///< journal, manifest or schema is damaged; end the process
  version = 7,        ///< foreign data directory, or a format newer than this program
  locked = 8,         ///< another process holds the data directory
  invalid_option = 9, ///< a setting is unknown or out of bounds
  shutting_down = 10, ///< the server is stopping
  timeout = 11,       ///< no answer in time
  unreachable = 12,   ///< a server that is needed at start does not answer yet; try again
  write_failed = 13,  ///< the disk refuses writes in one new place after another; end the process
  damaged_row = 14,   ///< a stored row of one robot is damaged; all other robots are served
};

/// The name of `code` as written in logs, e.g. "no_space".
[[nodiscard]] std::string_view to_string(errc code) noexcept;

/// An error code and its cause.
struct failure {
  errc code;
  std::string text; ///< one sentence for the operator or the client
};

/// A value or an error. Like std::expected, which C++20 does not have yet.
template <class T>
class [[nodiscard]] result {
public:
  result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  result(failure why) : state_(std::in_place_index<1>, std::move(why)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// @pre has_value()
  [[nodiscard]] T& value() & { return *std::get_if<0>(&state_); }
  [[nodiscard]] const T& value() const& { return *std::get_if<0>(&state_); }
  [[nodiscard]] T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// @pre !has_value()
  [[nodiscard]] const failure& error() const {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }

private:
  std::variant<T, failure> state_;
};

/// Success or an error.
template <>
class [[nodiscard]] result<void> : public result<std::monostate> {
public:
  result() : result<std::monostate>(std::monostate{}) {}
  result(failure why) : result<std::monostate>(std::move(why)) {}
};

} // namespace telemetry
