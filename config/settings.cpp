#include "config/settings.hpp"

#include "config/addresses.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

namespace telemetry::config {
namespace {

/// Stands for an empty text in settings that may be empty.
constexpr std::string_view no_text = "none";

/// Name number `n` (from 0) of names separated by |.
std::string_view nth(std::string_view choices, std::size_t n) {
  for (; n > 0; --n)
    choices.remove_prefix(choices.find('|') + 1);
  return choices.substr(0, choices.find('|'));
}

std::optional<std::size_t> index_of(std::string_view choices, std::string_view name) {
  const auto count = static_cast<std::size_t>(std::ranges::count(choices, '|')) + 1;
  for (std::size_t i = 0; i < count; ++i)
    if (nth(choices, i) == name)
      return i;
  return std::nullopt;
}

/// Whether a configuration file can hold `text` such that it is read back unchanged.
bool is_plain(std::string_view text) {
  const auto is_bad = [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '#'; };
  return std::ranges::none_of(text, is_bad) && !text.starts_with(' ') && !text.ends_with(' ');
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({change, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

std::string quoted(std::string_view text) { return std::string("\"").append(text).append("\""); }

/// The value as shown in a message. The value of a secret is not shown.
std::string shown(const setting& what, std::string_view text) {
  return what.in == unit::secret ? "the value" : quoted(text);
}

std::string_view family(unit in) {
  switch (in) {
  case unit::count:
    return "a whole number";
  case unit::bytes:
    return "a size (like 4096, 64KiB, 8MiB)";
  case unit::milliseconds:
    return "a duration (like 500ms, 10s, 5min, 1h; a bare number is ms)";
  case unit::octal:
    return "permissions in octal (like 0660)";
  case unit::text:
  case unit::secret:
    return "text without control characters, # or surrounding spaces";
  case unit::addresses:
    return "host:port, or several separated by commas";
  case unit::choice:
    return "one of the names";
  }
  return "";
}

std::string not_a(const setting& what, std::string_view text) {
  return shown(what, text).append(" is not ").append(family(what.in));
}

std::optional<std::string> assign_text(const setting& what, std::string_view text,
                                       std::string& into) {
  if (what.in == unit::text && what.least == 0 && text == no_text)
    text = {};
  if (!is_plain(text) || (what.in == unit::addresses && !read_addresses(text, 1)))
    return not_a(what, text);
  if (text.size() < what.least || text.size() > what.most)
    return shown(what, text).append(" is out of bounds");
  into = text;
  return std::nullopt;
}

template <class Choice>
std::optional<std::string> assign_choice(const setting& what, std::string_view text, Choice& into) {
  const auto index = index_of(what.choices, text);
  if (!index)
    return not_a(what, text);
  into = static_cast<Choice>(*index);
  return std::nullopt;
}

template <class Number>
std::optional<std::string> assign_number(const setting& what, std::string_view text, Number& into) {
  const auto number = read_number(text, what.in);
  if (!number)
    return not_a(what, text);
  if (*number < what.least || *number > what.most)
    return std::string(text).append(" is out of bounds");
  into = static_cast<Number>(*number);
  return std::nullopt;
}

} // namespace

const setting* find_setting(std::string_view key) {
  const auto table = all_settings();
  const auto at = std::ranges::find(table, key, &setting::key);
  return at == table.end() ? nullptr : &*at;
}

std::string_view nearest_key(std::string_view mistyped) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(3, mistyped.size() / 3) + 1;
  for (const setting& one : all_settings()) {
    const std::size_t distance = edit_distance(mistyped, one.key);
    if (distance < least) {
      least = distance;
      best = one.key;
    }
  }
  return best;
}

std::string environment_name(const setting& what) {
  std::string name = "TELEMETRY_";
  for (const char c : what.key)
    name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

bool is_text(unit in) noexcept {
  return in == unit::text || in == unit::addresses || in == unit::secret;
}

std::string legal_range(const setting& what) {
  if (what.in == unit::choice)
    return std::string(what.choices);
  const unit in = is_text(what.in) ? unit::count : what.in;
  std::string range = write_number(what.least, in) + " to " + write_number(what.most, in);
  if (is_text(what.in))
    range += " bytes";
  return range;
}

std::string value_text(const setting& what, const options& from) {
  options copy = from;
  return std::visit(
      [&](auto* at) -> std::string {
        using type = std::remove_pointer_t<decltype(at)>;
        if constexpr (std::is_same_v<type, std::string>)
          return at->empty() && what.in == unit::text ? std::string(no_text) : *at;
        else if constexpr (std::is_enum_v<type>)
          return std::string(nth(what.choices, static_cast<std::size_t>(*at)));
        else if constexpr (std::is_same_v<type, std::chrono::milliseconds>)
          return write_number(static_cast<std::uint64_t>(at->count()), what.in);
        else
          return write_number(*at, what.in);
      },
      what.place(copy));
}

std::optional<std::string> assign(const setting& what, std::string_view text, options& into) {
  return std::visit(
      [&](auto* at) {
        using type = std::remove_pointer_t<decltype(at)>;
        if constexpr (std::is_same_v<type, std::string>)
          return assign_text(what, text, *at);
        else if constexpr (std::is_enum_v<type>)
          return assign_choice(what, text, *at);
        else
          return assign_number(what, text, *at);
      },
      what.place(into));
}

} // namespace telemetry::config
