#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace telemetry::net {

/// A larger buffer of a connection gives its memory back once it is empty, because an idle
/// connection must be small.
inline constexpr std::size_t idle_buffer_bytes_max = 4u << 10;

/// Bytes that all connections of the process may hold together: begun heads and messages, input
/// that waits, bodies, and answers that are not sent (net.memory_max, ADR 0058).
///
/// A charge may exceed the budget, because the bytes are there already. Then new connections are
/// refused and session_registry::relieve() cuts connections that wait for their peer.
///
/// Thread-safe. Must outlive its charges.
class memory_budget {
public:
  /// Connections that were cut or refused for lack of memory.
  struct losses {
    std::size_t cut = 0;
    std::size_t refused = 0;
  };

  explicit memory_budget(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}
  memory_budget(const memory_budget&) = delete;
  memory_budget& operator=(const memory_budget&) = delete;

  [[nodiscard]] std::size_t bytes_max() const noexcept { return bytes_max_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.load(relaxed); }
  [[nodiscard]] bool is_exceeded() const noexcept { return bytes() > bytes_max_; }
  /// A part of the budget, by which it is relieved at a time, so that a search for connections to
  /// cut is rare. Refusals may exceed the budget by as much.
  [[nodiscard]] std::size_t margin() const noexcept { return bytes_max_ / 16; }

  void count_cut() noexcept { cut_.fetch_add(1, relaxed); }
  void count_refusal() noexcept { refused_.fetch_add(1, relaxed); }
  /// The losses since the last call.
  [[nodiscard]] losses take_losses() noexcept {
    return {cut_.exchange(0, relaxed), refused_.exchange(0, relaxed)};
  }

private:
  friend class memory_charge;
  static constexpr auto relaxed = std::memory_order_relaxed;

  std::size_t bytes_max_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<std::size_t> cut_{0};
  std::atomic<std::size_t> refused_{0};
};

/// What one owner holds of a budget, given back with the object.
///
/// It counts whole grains, and falls only by two of them at a time. So an owner whose bytes change
/// little, such as a WebSocket with small messages, leaves the budget's atomic alone.
/// Thread-safety: none.
class memory_charge {
public:
  static constexpr std::size_t connection_grain = 4u << 10;

  /// @param budget nullptr: the bytes are not charged
  explicit memory_charge(memory_budget* budget, std::size_t grain = connection_grain) noexcept
      : budget_(budget), grain_(grain) {}
  memory_charge(memory_charge&& other) noexcept
      : budget_(other.budget_), grain_(other.grain_), bytes_(std::exchange(other.bytes_, 0)) {}
  memory_charge& operator=(memory_charge&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(grain_, other.grain_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~memory_charge() { give_back(); }

  /// The owner holds `bytes` now.
  /// @returns whether the charge rose and the budget is exceeded.
  bool hold(std::size_t bytes) noexcept {
    if (bytes <= bytes_ && bytes + 2 * grain_ > bytes_)
      return false;
    const bool rises = bytes > bytes_;
    set(bytes);
    return rises && is_exceeded();
  }
  /// The same, but falls to the last grain. For an owner that is at rest.
  void settle(std::size_t bytes) noexcept { set(bytes); }
  void give_back() noexcept { set(0); }

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] bool is_exceeded() const noexcept { return budget_ && budget_->is_exceeded(); }

private:
  void set(std::size_t bytes) noexcept {
    const auto charged = (bytes + grain_ - 1) / grain_ * grain_;
    if (charged == bytes_)
      return;
    if (budget_) // unsigned: a fall is a sum that wraps around
      budget_->bytes_.fetch_add(charged - bytes_, memory_budget::relaxed);
    bytes_ = charged;
  }

  memory_budget* budget_;
  std::size_t grain_;
  std::size_t bytes_ = 0;
};

} // namespace telemetry::net
