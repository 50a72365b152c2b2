#pragma once

#include <cassert>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace telemetry::redis {

/// Commands in Redis's wire format, sent together. Arguments are bytes of any value.
///
/// Why not redisAppendCommandArgv(): it copies every argument twice more, and a journal payload
/// comes in parts that it would first want joined.
class redis_pipeline {
public:
  /// A whole command.
  redis_pipeline& command(std::initializer_list<std::string_view> arguments);

  /// Begins a command of `arguments` arguments, its name included; that many add() follow.
  redis_pipeline& begin(std::size_t arguments);
  redis_pipeline& add(std::string_view argument);
  redis_pipeline& add(std::uint64_t number);
  redis_pipeline& add(std::int64_t number);
  /// One argument: the concatenation of `parts`.
  redis_pipeline& add(std::span<const std::string_view> parts);

  /// Forgets all commands; keeps the memory.
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
  std::size_t missing_ = 0; ///< arguments of the last command that are still to come
};

} // namespace telemetry::redis
