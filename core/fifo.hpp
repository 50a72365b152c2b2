#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace telemetry {

/// A queue in one vector. An empty queue keeps at most 256 bytes of heap memory. An empty
/// std::deque takes 576 bytes, and every connection has several queues.
///
/// push() and pop() are amortised O(1). Thread-safety: none.
template <class T>
class fifo {
public:
  [[nodiscard]] bool empty() const noexcept { return head_ == items_.size(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size() - head_; }
  /// @pre !empty()
  [[nodiscard]] T& front() noexcept { return items_[head_]; }
  [[nodiscard]] T& back() noexcept { return items_.back(); }

  void push(T what) { items_.push_back(std::move(what)); }

  /// @pre !empty()
  void pop() {
    items_[head_] = T{}; // frees the item's memory now
    if (++head_ == items_.size())
      clear();
    else if (head_ >= size()) { // at most as many items are moved as were popped
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
  }

  void clear() {
    constexpr std::size_t kept_bytes = 256;
    items_.clear();
    head_ = 0;
    if (items_.capacity() * sizeof(T) > kept_bytes)
      items_.shrink_to_fit();
  }

private:
  std::vector<T> items_; ///< the queue starts at head_
  std::size_t head_ = 0;
};

} // namespace telemetry
