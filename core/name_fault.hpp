#pragma once

#include <string_view>

namespace telemetry::detail {

/// What is wrong with a robot name (PROTOCOL.md §1): a sentence, or "" if it is legal.
/// Does not allocate; the answer lives for ever.
[[nodiscard]] std::string_view name_fault(std::string_view name) noexcept;

} // namespace telemetry::detail
