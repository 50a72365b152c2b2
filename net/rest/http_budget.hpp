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
/// them, pages that are being collected, and long answers that are being sent (ADR 0031). A request
/// that does not fit is answered 503, so that neither many large bodies nor many slow clients can
/// exhaust the memory. Loans are charged to the budget of the process. While that is exceeded there
/// are no further loans.
///
/// Thread: its I/O thread only.
class request_budget {
public:
  /// @param process the budget of the process; nullptr if there is none.
  explicit request_budget(std::size_t bytes_max = request_bytes_max,
                          memory_budget* process = nullptr) noexcept
      : bytes_max_(bytes_max), charge_(process, grain) {}

  [[nodiscard]] std::size_t bytes_max() const noexcept { return bytes_max_; }
  /// Limit of a loan, a quarter of the budget. A larger request is charged this much, so that it
  /// fits once the others have ended.
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
  std::size_t bytes_ = 0; ///< of all loans
  memory_charge charge_;
};

/// A loan from a budget. The destructor gives it back. The budget must outlive it.
class request_loan {
public:
  explicit request_loan(request_budget& budget) noexcept : budget_(&budget) {}
  request_loan(request_loan&& other) noexcept
      : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  request_loan& operator=(request_loan&&) = delete;
  ~request_loan() { give_back(); }

  /// Raises the loan to `bytes`, or to loan_bytes_max() if that is less.
  /// @returns false, and leaves the loan as it is, if the budget has not enough bytes or the budget
  ///          of the process is exceeded.
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
