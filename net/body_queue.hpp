#pragma once

#include "net/rest/http_budget.hpp"

#include <cstddef>
#include <deque>
#include <functional>

namespace telemetry::net {

/// A body up to this size needs no place among the large ones.
inline constexpr std::size_t small_body_bytes_max = 64u << 10;
/// Bodies that may wait for their turn on one I/O thread.
inline constexpr std::size_t waiting_bodies_max = 64;

class body_share;

/// Lets the bodies of one I/O thread's requests into its budget (ADR 0031).
///
/// Large bodies have at most half of the budget, so that long answers and small bodies always find
/// room. A large body whose size is known has its whole share before a byte of it is read, and if
/// there is none it waits for its turn, first come first served. So bodies that are half read never
/// wait for each other.
///
/// Thread: its I/O thread only. The budget must outlive it.
class body_queue {
public:
  explicit body_queue(request_budget& budget) noexcept : budget_(budget) {}
  body_queue(const body_queue&) = delete;
  body_queue& operator=(const body_queue&) = delete;

  /// Lets bodies in that wait, as far as there is room. Whatever gives back bytes of the budget
  /// does so; call it now and then, because the budget of the process gets room at other times.
  void let_in();
  /// Bodies that wait.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }

private:
  friend class body_share;

  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept;

  request_budget& budget_;
  std::size_t large_bytes_ = 0; ///< lent to large bodies
  std::deque<body_share*> waiting_;
};

/// The place of one body in the budget, given back with the object. The queue must outlive it.
class body_share {
public:
  enum class place { none, waiting, taken, refused };

  /// @param on_turn is called when the place of a body that waited is taken, out of give_back() of
  /// another one. It may not touch any share within the call.
  body_share(body_queue& queue, std::function<void()> on_turn);
  ~body_share() { give_back(); }
  body_share(const body_share&) = delete;
  body_share& operator=(const body_share&) = delete;

  /// Asks for all of a body of `bytes`. @pre where() is none
  place ask(std::size_t bytes);
  /// Takes what a body of unknown size needs by now. It never waits.
  /// @returns false if there is no room.
  [[nodiscard]] bool grow_to(std::size_t bytes);
  void give_back() noexcept;

  [[nodiscard]] place where() const noexcept { return place_; }
  /// Bytes of the budget.
  [[nodiscard]] std::size_t bytes() const noexcept { return loan_.bytes(); }

private:
  friend class body_queue;

  [[nodiscard]] bool take(std::size_t bytes);

  body_queue& queue_;
  std::function<void()> on_turn_;
  request_loan loan_;
  std::size_t wanted_ = 0; ///< bytes of body that it waits for
  bool is_large_ = false;
  place place_ = place::none;
};

} // namespace telemetry::net
