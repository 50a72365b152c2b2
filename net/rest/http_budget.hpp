#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

namespace telemetry::net {

/// Bytes that the requests of one I/O thread may hold together: bodies and the events read from
/// them, pages being collected, long answers under way (docs/adr/0031). What does not fit is
/// answered 503, so that neither many large bodies nor many slow readers can exhaust the memory.
///
/// Thread: its I/O thread only.
class request_budget {
public:
  explicit request_budget(std::size_t bytes_max = 128u << 20) noexcept : bytes_max_(bytes_max) {}

  [[nodiscard]] std::size_t bytes_max() const noexcept { return bytes_max_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
  friend class request_loan;

  std::size_t bytes_max_;
  std::size_t bytes_ = 0; ///< lent
};

/// A share of a budget, given back with the object. The budget must outlive it.
class request_loan {
public:
  explicit request_loan(request_budget& budget) noexcept : budget_(&budget) {}
  request_loan(request_loan&& other) noexcept
      : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  request_loan& operator=(request_loan&&) = delete;
  ~request_loan() { give_back(); }

  /// Takes what is missing to hold `bytes`. One loan counts for a quarter of the budget at most,
  /// so that a single request always fits in the end.
  /// @returns false, and takes nothing, if the budget does not have that much.
  [[nodiscard]] bool raise_to(std::size_t bytes) noexcept {
    bytes = std::min(bytes, budget_->bytes_max_ / 4);
    if (bytes <= bytes_)
      return true;
    if (bytes - bytes_ > budget_->bytes_max_ - budget_->bytes_)
      return false;
    budget_->bytes_ += bytes - bytes_;
    bytes_ = bytes;
    return true;
  }

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  void give_back() noexcept { budget_->bytes_ -= std::exchange(bytes_, 0); }

private:
  request_budget* budget_;
  std::size_t bytes_ = 0;
};

} // namespace telemetry::net
