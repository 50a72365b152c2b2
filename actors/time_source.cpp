#include "actors/time_source.hpp"

#include <chrono>

namespace telemetry {

namespace {

template <class Clock>
std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch())
      .count();
}

class machine_time final : public time_source {
public:
  [[nodiscard]] std::int64_t steady_ms() const override {
    return now_ms<std::chrono::steady_clock>();
  }
  [[nodiscard]] wall_ms wall() const override { return now_ms<std::chrono::system_clock>(); }
};

} // namespace

const time_source& system_time() {
  static const machine_time instance;
  return instance;
}

} // namespace telemetry
