#include "core/utc_time.hpp"

#include <array>
#include <chrono>
#include <cstring>

namespace telemetry {
namespace {

/// "00" to "99".
constexpr auto two_digits = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

/// Writes `value`, below 100, as two digits.
void put_pair(char* to, std::uint64_t value) noexcept {
  std::memcpy(to, &two_digits[2 * value], 2);
}

} // namespace

void append_utc_time(std::string& out, wall_ms time) {
  using namespace std::chrono;
  const sys_time<milliseconds> when{milliseconds{time}};
  const auto day = floor<days>(when);
  const year_month_day date{day};
  const hh_mm_ss clock{when - day};
  std::array<char, 30> text{"0000-00-00T00:00:00.000+00:00"};
  const auto year = static_cast<std::uint64_t>(static_cast<int>(date.year())) % 10'000;
  const auto millis = static_cast<std::uint64_t>(clock.subseconds().count());
  put_pair(&text[0], year / 100);
  put_pair(&text[2], year % 100);
  put_pair(&text[5], static_cast<unsigned>(date.month()));
  put_pair(&text[8], static_cast<unsigned>(date.day()));
  put_pair(&text[11], static_cast<std::uint64_t>(clock.hours().count()));
  put_pair(&text[14], static_cast<std::uint64_t>(clock.minutes().count()));
  put_pair(&text[17], static_cast<std::uint64_t>(clock.seconds().count()));
  text[20] = static_cast<char>('0' + millis / 100);
  put_pair(&text[21], millis % 100);
  out.append(text.data(), text.size() - 1);
}

} // namespace telemetry
