#pragma once

#include <array>
#include <fcntl.h>
#include <unistd.h>

namespace telemetry::journal_files {

/// Reserves the file descriptors that a rotation needs. Otherwise sockets could take all of them,
/// and the journal would stop although the disk works.
///
/// Thread-safety: none. Blocking: no.
class descriptor_reserve {
public:
  /// One for a new segment, and one for its directory, which is synced while the segment is open.
  static constexpr std::size_t size = 2;

  descriptor_reserve() noexcept { take(); }
  ~descriptor_reserve() { give(); }
  descriptor_reserve(const descriptor_reserve&) = delete;
  descriptor_reserve& operator=(const descriptor_reserve&) = delete;

  /// Frees the reserved descriptors for use while this object exists.
  class loan {
  public:
    explicit loan(descriptor_reserve& from) noexcept : from_(from) { from_.give(); }
    ~loan() { from_.take(); }
    loan(const loan&) = delete;
    loan& operator=(const loan&) = delete;

  private:
    descriptor_reserve& from_;
  };

private:
  /// If the process has no free descriptor, the reserve stays smaller until the next loan ends.
  void take() noexcept {
    for (int& one : held_)
      if (one < 0)
        one = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  void give() noexcept {
    for (int& one : held_) {
      if (one >= 0)
        ::close(one);
      one = -1;
    }
  }

  static constexpr std::array<int, size> none() noexcept {
    std::array<int, size> all{};
    all.fill(-1);
    return all;
  }

  std::array<int, size> held_ = none();
};

} // namespace telemetry::journal_files
