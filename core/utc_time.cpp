#include "core/utc_time.hpp"

#include <array>
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

struct civil_date {
  std::int64_t year;
  std::int64_t month;
  std::int64_t day;
};

/// The day of the proleptic Gregorian calendar that is `days` after 1970-01-01. Counts in years
/// that begin on 1 March, so that the leap day is the last day of its year, and in eras of 400
/// years, which are 146097 days.
civil_date date_of(std::int64_t days) noexcept {
  const std::int64_t shifted = days + 719'468; // since 0000-03-01
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const std::int64_t day_of_era = shifted - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t march_month = (5 * day_of_year + 2) / 153;
  const std::int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
  return {era * 400 + year_of_era + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * march_month + 2) / 5 + 1};
}

} // namespace

void append_utc_time(std::string& out, wall_ms time) {
  constexpr wall_ms day_ms = 86'400'000;
  const wall_ms days = (time >= 0 ? time : time - (day_ms - 1)) / day_ms;
  const auto rest = static_cast<std::uint32_t>(time - days * day_ms);
  const civil_date date = date_of(days);
  std::array<char, 30> text{"0000-00-00T00:00:00.000+00:00"};
  const auto year = static_cast<std::uint64_t>(date.year) % 10'000;
  put_pair(&text[0], year / 100);
  put_pair(&text[2], year % 100);
  put_pair(&text[5], static_cast<std::uint64_t>(date.month));
  put_pair(&text[8], static_cast<std::uint64_t>(date.day));
  put_pair(&text[11], rest / 3'600'000);
  put_pair(&text[14], rest / 60'000 % 60);
  put_pair(&text[17], rest / 1'000 % 60);
  text[20] = static_cast<char>('0' + rest / 100 % 10);
  put_pair(&text[21], rest % 100);
  out.append(text.data(), text.size() - 1);
}

} // namespace telemetry
