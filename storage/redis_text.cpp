#include "storage/redis_text.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>

namespace telemetry::detail {

std::string random_token() {
  std::random_device random;
  std::string out;
  for (int i = 0; i < 4; ++i) {
    std::array<char, 9> digits{};
    std::snprintf(digits.data(), digits.size(), "%08x", static_cast<unsigned>(random()));
    out += digits.data();
  }
  return out;
}

void append_utc_time(std::string& out, wall_ms time) {
  using namespace std::chrono;
  const sys_time<milliseconds> at{milliseconds{time}};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss clock{at - day};
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03d+00:00",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  out += text.data();
}

} // namespace telemetry::detail
