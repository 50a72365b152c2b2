#pragma once

#include "net/memory_budget.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace telemetry::net {

inline constexpr std::size_t request_bytes_max = 128u << 20;
/// Bytes in memory per byte of a body: the body itself, and the events that are read from it.
inline constexpr std::size_t body_memory_factor = 4;

/// Bytes that the requests of one I/O thread may hold together: bodies and the events read from
/// them, pages being collected, long answers under way (ADR 0031). What does not fit is
/// answered 503, so that neither many large bodies nor many slow readers can exhaust the memory.
/// What it lends is charged to the budget of the process, and while that is exceeded it lends no
/// more.
///
/// Thread: its I/O thread only.
class request_budget {
public:
  /// @param process nullptr: there is no budget of the process
  explicit request_budget(std::size_t bytes_max = request_bytes_max,
                          memory_budget* process = nullptr) noexcept
      : bytes_max_(bytes_max), charge_(process, grain) {}

  [[nodiscard]] std::size_t bytes_max() const noexcept { return bytes_max_; }
  /// One loan counts for a quarter of the budget at most, so that a single request always fits once
  /// the others are gone.
  [[nodiscard]] std::size_t loan_bytes_max() const noexcept { return bytes_max_ / 4; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
  friend class request_loan;
  static constexpr std::size_t grain = 64u << 10;

  void set(std::size_t bytes) noexcept {
    bytes_ = bytes;
    charge_.hold(bytes);
  }

  std::size_t bytes_max_;
  std::size_t bytes_ = 0; ///< lent
  memory_charge charge_;
};

/// A share of a budget, given back with the object. The budget must outlive it.
class request_loan {
public:
  explicit request_loan(request_budget& budget) noexcept : budget_(&budget) {}
  request_loan(request_loan&& other) noexcept
      : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  request_loan& operator=(request_loan&&) = delete;
  ~request_loan() { give_back(); }

  /// Takes what is missing to hold `bytes`, or loan_bytes_max() if that is less.
  /// @returns false, and takes nothing, if the budget does not have that much, or if that of the
  /// process is exceeded.
  [[nodiscard]] bool raise_to(std::size_t bytes) noexcept {
    bytes = std::min(bytes, budget_->loan_bytes_max());
    if (bytes <= bytes_)
      return true;
    if (bytes - bytes_ > budget_->bytes_max_ - budget_->bytes_ || budget_->charge_.is_exceeded())
      return false;
    budget_->set(budget_->bytes_ + bytes - bytes_);
    bytes_ = bytes;
    return true;
  }

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  void give_back() noexcept {
    if (bytes_ > 0)
      budget_->set(budget_->bytes_ - std::exchange(bytes_, 0));
  }

private:
  request_budget* budget_;
  std::size_t bytes_ = 0;
};

} // namespace telemetry::net
