#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>

namespace telemetry::mysql {

/// Times the calls to a server, to distinguish a server that hangs from a busy one.
///
/// Thread-safety: full.
class server_silence {
public:
  using clock = std::chrono::steady_clock;

  /// @param now replaced in tests only; called with the mutex locked.
  explicit server_silence(std::function<clock::time_point()> now = clock::now)
      : now_(std::move(now)) {}

  /// One call to the server. It lasts as long as this object.
  class call {
  public:
    /// @param watch may be nullptr; then the call is not timed.
    explicit call(server_silence* watch);
    ~call();
    call(const call&) = delete;
    call& operator=(const call&) = delete;
    /// Call this if the server has answered, also with an error. Otherwise the call counts as
    /// unanswered.
    void answered() noexcept { answered_ = true; }

  private:
    server_silence* watch_;
    bool answered_ = false;
  };

  /// Time for which calls have been made without any answer; 0 if the last call was answered. Also
  /// 0 if no call waits and the last one ended more than 1 s ago, because callers that try again do
  /// so sooner.
  [[nodiscard]] std::chrono::milliseconds silence() const;

private:
  static constexpr std::chrono::seconds pause_max{1};

  [[nodiscard]] bool is_asked(clock::time_point now) const;
  void begin();
  void end(bool answered);

  std::function<clock::time_point()> now_;
  mutable std::mutex mutex_;                          ///< guards the members below
  std::size_t waiting_ = 0;                           ///< calls that have not ended
  std::optional<clock::time_point> unanswered_since_; ///< the first call after the last answer
  clock::time_point last_end_;
};

} // namespace telemetry::mysql
