#pragma once

#include "net/rest/http_budget.hpp"

#include <cstddef>
#include <deque>
#include <functional>

namespace telemetry::net {

/// A body above this size counts as large.
inline constexpr std::size_t small_body_bytes_max = 64u << 10;
/// Most bodies that wait for their turn on one I/O thread.
inline constexpr std::size_t waiting_bodies_max = 64;

class body_share;

/// Admits the bodies of one I/O thread's requests to its budget (ADR 0031).
///
/// Large bodies have at most half of the budget, so that long answers and small bodies always find
/// room. A large body of known size takes its whole share before its first byte is read. If there
/// is no room it waits for its turn, first come first served. Therefore bodies that are partly read
/// never wait for each other.
///
/// Thread: its I/O thread only. The budget must outlive it.
class body_queue {
public:
  explicit body_queue(request_budget& budget) noexcept : budget_(budget) {}
  body_queue(const body_queue&) = delete;
  body_queue& operator=(const body_queue&) = delete;

  /// Admits waiting bodies as far as there is room. Every body_share::give_back() calls it. Call it
  /// regularly as well, because the budget of the process gets room at other times.
  void admit();
  /// Number of bodies that wait.
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

  /// @param on_turn is called when a waiting body gets its place, within give_back() of another
  ///        body or within admit(). It must not use any share within the call.
  body_share(body_queue& queue, std::function<void()> on_turn);
  ~body_share() { give_back(); }
  body_share(const body_share&) = delete;
  body_share& operator=(const body_share&) = delete;

  /// Asks for the share of a whole body of `bytes`. @pre where() is none
  place ask(std::size_t bytes);
  /// Raises the share of a body of unknown size to its present `bytes`. It never waits.
  /// @returns false if there is no room.
  [[nodiscard]] bool grow_to(std::size_t bytes);
  void give_back() noexcept;

  [[nodiscard]] place where() const noexcept { return place_; }
  /// Bytes of the budget that the body has.
  [[nodiscard]] std::size_t bytes() const noexcept { return loan_.bytes(); }

private:
  friend class body_queue;

  [[nodiscard]] bool take(std::size_t bytes);

  body_queue& queue_;
  std::function<void()> on_turn_;
  request_loan loan_;
  std::size_t wanted_ = 0; ///< size of the waiting body, in bytes
  bool is_large_ = false;
  place place_ = place::none;
};

} // namespace telemetry::net
