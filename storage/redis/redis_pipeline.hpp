#pragma once

#include <cassert>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace telemetry::redis {

/// Commands in Redis's wire format (RESP), to be sent together. Arguments may have any bytes.
///
/// redisAppendCommandArgv() is not used, because it copies every argument two more times, and would
/// need the parts of a journal payload joined first. Thread-safety: none.
class redis_pipeline {
public:
  /// Adds a complete command.
  redis_pipeline& command(std::initializer_list<std::string_view> arguments);

  /// Begins a command of `arguments` arguments, its name included. As many calls of add() follow.
  redis_pipeline& begin(std::size_t arguments);
  redis_pipeline& add(std::string_view argument);
  redis_pipeline& add(std::uint64_t number);
  redis_pipeline& add(std::int64_t number);
  /// Adds one argument, the concatenation of `parts`.
  redis_pipeline& add(std::span<const std::string_view> parts);

  /// Removes all commands, but keeps the memory.
  void clear() noexcept;

  /// @pre every command has the arguments that begin() announced.
  [[nodiscard]] std::string_view bytes() const noexcept {
    assert(missing_ == 0);
    return bytes_;
  }
  [[nodiscard]] std::size_t commands() const noexcept { return commands_; }

private:
  void header(char kind, std::size_t count);

  std::string bytes_;
  std::size_t commands_ = 0;
  std::size_t missing_ = 0; ///< arguments that the last command still needs
};

} // namespace telemetry::redis
