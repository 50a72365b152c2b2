#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace telemetry::bench {

/// Counts of durations in nanoseconds, in buckets that are at most 1/128 of their value wide
/// (after HdrHistogram: a power of two is divided into equal parts).
class histogram {
public:
  void record(std::int64_t nanoseconds) {
    const auto value = static_cast<std::uint64_t>(nanoseconds > 0 ? nanoseconds : 0);
    ++counts_[bucket_of(value)];
    ++total_;
    if (value > max_)
      max_ = value;
  }

  /// @returns the upper end, in milliseconds, of the bucket that holds the given share (0..1) of
  /// all values; 0 if there are no values.
  [[nodiscard]] double quantile_ms(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      seen += counts_[bucket];
      if (seen > wanted)
        return std::min(static_cast<double>(upper_end(bucket)) / 1e6, max_ms());
    }
    return max_ms();
  }

  [[nodiscard]] double max_ms() const { return static_cast<double>(max_) / 1e6; }
  [[nodiscard]] std::uint64_t total() const { return total_; }

private:
  static constexpr unsigned part_bits = 7;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < (std::uint64_t{1} << part_bits))
      return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - part_bits - 1;
    return (std::size_t{shift} << part_bits) + (value >> shift);
  }

  static std::uint64_t upper_end(std::size_t bucket) {
    if (bucket < (std::size_t{2} << part_bits))
      return bucket;
    const auto shift = (bucket >> part_bits) - 1;
    const auto part = bucket - (shift << part_bits);
    return ((part + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - part_bits + 1) << part_bits> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

} // namespace telemetry::bench
