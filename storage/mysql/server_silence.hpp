#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>

namespace telemetry::mysql {

/// Calls to a server that are under way, to tell a server that hangs from one that is busy.
///
/// Thread-safety: full.
class server_silence {
public:
  using clock = std::chrono::steady_clock;

  /// @param now tests have a time of their own; called with the lock held.
  explicit server_silence(std::function<clock::time_point()> now = clock::now)
      : now_(std::move(now)) {}

  /// One call, from its construction on.
  class call {
  public:
    /// @param watch nullptr: nobody watches.
    explicit call(server_silence* watch);
    ~call();
    call(const call&) = delete;
    call& operator=(const call&) = delete;
    /// The server has said something, be it an error. Without this the call was in vain.
    void answered() noexcept { answered_ = true; }

  private:
    server_silence* watch_;
    bool answered_ = false;
  };

  /// For how long calls have been made of which none was answered; 0 if one was, or if nobody has
  /// called for a second: who tries again does so sooner.
  [[nodiscard]] std::chrono::milliseconds silence() const;

private:
  static constexpr std::chrono::seconds pause_max{1};

  [[nodiscard]] bool is_asked(clock::time_point now) const;
  void begin();
  void end(bool answered);

  std::function<clock::time_point()> now_;
  mutable std::mutex mutex_; ///< guards what follows
  std::size_t waiting_ = 0;
  std::optional<clock::time_point> unanswered_since_; ///< the first call after the last answer
  clock::time_point last_end_;
};

} // namespace telemetry::mysql
