#pragma once

#include "actors/serving_time.hpp"
#include "actors/time_source.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>

namespace telemetry {

/// The purposes that take bytes of the node's credit.
enum class charge : std::uint8_t {
  received, ///< submissions that their shards have not applied yet
  expected, ///< robots that a commit may bring, until its shards have looked
  rows,     ///< durable and not in the store yet
  robots,   ///< live robots, their names included
  answers,  ///< events whose answers wait for the store
};

/// The node's credit: producers are read only while it is open. `received` has a limit of its own;
/// the other charges share one, storage.memory_max.
///
/// Thread-safe.
class byte_credit {
public:
  struct limits {
    std::size_t received_bytes;
    std::size_t memory_bytes;
  };

  /// `serving` stands still while the credit is closed.
  byte_credit(const limits& most, const time_source& time, serving_time& serving)
      : most_(most), time_(time), serving_(serving) {}

  /// `opened` runs when producers may be read again, on the thread whose remove() allows it. It
  /// must not block.
  void on_open(std::function<void()> opened) { on_open_ = std::move(opened); }
  /// The same for memory alone: after memory_is_full() was true it is false again.
  void on_room(std::function<void()> has_room) { on_room_ = std::move(has_room); }

  void add(charge what, std::size_t bytes);
  void remove(charge what, std::size_t bytes);

  [[nodiscard]] bool is_open() const noexcept { return open_.load(std::memory_order_acquire); }
  /// Whether memory is beyond its limit. If so, no commit may add to it.
  [[nodiscard]] bool memory_is_full() const noexcept { return full_.load(); }
  /// Whether memory is beyond its limit even without `expected`, so that a checkpoint has to empty
  /// it.
  [[nodiscard]] bool needs_checkpoint() const noexcept { return held_bytes() > most_.memory_bytes; }

  [[nodiscard]] std::size_t bytes(charge what) const noexcept { return at(what).load(); }
  /// All charges but `received`.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return bytes(charge::expected) + held_bytes();
  }
  /// Bytes until memory is full.
  [[nodiscard]] std::size_t room_bytes() const noexcept;
  /// How long producers have not been read, in milliseconds; 0 while they are read.
  [[nodiscard]] std::int64_t closed_ms() const;

private:
  static constexpr std::size_t charges = 5;

  [[nodiscard]] std::atomic<std::size_t>& at(charge what) noexcept {
    return bytes_[static_cast<std::size_t>(what)];
  }
  [[nodiscard]] const std::atomic<std::size_t>& at(charge what) const noexcept {
    return bytes_[static_cast<std::size_t>(what)];
  }
  [[nodiscard]] std::size_t held_bytes() const noexcept {
    return bytes(charge::rows) + bytes(charge::robots) + bytes(charge::answers);
  }
  [[nodiscard]] bool memory_fits() const noexcept { return memory_bytes() <= most_.memory_bytes; }
  [[nodiscard]] bool received_fits() const noexcept {
    return bytes(charge::received) <= most_.received_bytes;
  }
  void update();

  limits most_;
  const time_source& time_;
  serving_time& serving_;
  std::function<void()> on_open_;
  std::function<void()> on_room_;
  std::array<std::atomic<std::size_t>, charges> bytes_{};
  std::atomic<bool> open_{true};
  std::atomic<bool> full_{false};
  mutable std::mutex mutex_; ///< guards writes to the two flags, and the members below
  std::int64_t closed_since_ms_ = 0;
};

} // namespace telemetry
