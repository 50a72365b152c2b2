#pragma once

#include <string_view>

namespace telemetry::detail {

/// Checks a robot name (PROTOCOL.md §1).
/// @returns "" if the name is legal, else a sentence that says why it is not. The text is a
///          constant. Allocates no memory.
[[nodiscard]] std::string_view name_fault(std::string_view name) noexcept;

} // namespace telemetry::detail
