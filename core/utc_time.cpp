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

/// A number of as many digits as `text` has characters; nullopt if one of them is no digit.
std::optional<unsigned> digits(std::string_view text) noexcept {
  unsigned value = 0;
  for (const char one : text) {
    if (one < '0' || one > '9')
      return std::nullopt;
    value = value * 10 + static_cast<unsigned>(one - '0');
  }
  return value;
}

} // namespace

std::optional<wall_ms> read_utc_time(std::string_view text) noexcept {
  using namespace std::chrono;
  constexpr std::string_view shape = "0000-00-00T00:00:00";
  if (text.size() < shape.size())
    return std::nullopt;
  for (const std::size_t place : {4u, 7u, 10u, 13u, 16u}) {
    if (text[place] != shape[place])
      return std::nullopt;
  }
  auto zone = text.substr(shape.size());
  std::optional<unsigned> millis = 0;
  if (zone.size() > 4 && zone[0] == '.') {
    millis = digits(zone.substr(1, 3));
    zone.remove_prefix(4);
  }
  const auto at = [text](std::size_t place, std::size_t count) {
    return digits(text.substr(place, count));
  };
  const auto years = at(0, 4), months = at(5, 2), days_ = at(8, 2);
  const auto hour = at(11, 2), minute = at(14, 2), second = at(17, 2);
  if (!years || !months || !days_ || !hour || !minute || !second || !millis ||
      (zone != "Z" && zone != "+00:00"))
    return std::nullopt;
  const year_month_day date{year{static_cast<int>(*years)}, month{*months}, day{*days_}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59)
    return std::nullopt;
  const sys_time<milliseconds> time =
      sys_days{date} + hours{*hour} + minutes{*minute} + seconds{*second} + milliseconds{*millis};
  return time.time_since_epoch().count();
}

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
