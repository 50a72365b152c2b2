#pragma once

#include <cstdint>

namespace telemetry::test {

/// Messages that went into the mailbox of any scheduled actor since the program started, whoever
/// ran the actor for it: the scheduler, or its owner inline. Detached actors are none.
[[nodiscard]] std::uint64_t messages_now() noexcept;

} // namespace telemetry::test
