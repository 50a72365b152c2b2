#include "net/rest/body_json.hpp"

#include "core/line.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <optional>

namespace telemetry::net {
namespace {

/// Deeper nesting refuses the body.
constexpr std::size_t depth_max = 100;

constexpr std::string_view not_a_number = " is not a number";
constexpr std::string_view not_whole = "timestamp is not a whole number";
constexpr std::string_view not_a_string = "robot is not a string";

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// The decimal exponent of a JSON number, limited to a value that no digits can compensate.
std::int64_t read_exponent(std::string_view digits) noexcept {
  constexpr std::int64_t exponent_max = 1'000'000'000'000;
  const bool minus = !digits.empty() && digits.front() == '-';
  if (minus || (!digits.empty() && digits.front() == '+'))
    digits.remove_prefix(1);
  std::int64_t exponent = 0;
  for (const char digit : digits)
    exponent = std::min(exponent * 10 + (digit - '0'), exponent_max);
  return minus ? -exponent : exponent;
}

/// The value of a JSON number if it is whole, in any notation: `3.0` and `30e-1` are 3. Reads digit
/// by digit, because a double would round a fraction away. Beyond 64 bits the value is the nearest
/// integer that 64 bits hold.
/// @returns nullopt if the number has a fraction. @pre `number` is valid JSON.
std::optional<std::int64_t> read_whole(std::string_view number) {
  const bool minus = number.front() == '-';
  number.remove_prefix(minus ? 1 : 0);
  const std::size_t exponent_at = std::min(number.find_first_of("eE"), number.size());
  const std::size_t point = std::min(number.find('.'), exponent_at);
  std::string digits(number.substr(0, point));
  std::int64_t power = 0; // the value is `digits` times ten to this
  if (exponent_at < number.size())
    power = read_exponent(number.substr(exponent_at + 1));
  if (point < exponent_at) {
    digits += number.substr(point + 1, exponent_at - point - 1);
    power -= static_cast<std::int64_t>(exponent_at - point - 1);
  }
  const std::size_t first = digits.find_first_not_of('0');
  if (first == std::string::npos)
    return 0;
  const std::size_t last = digits.find_last_not_of('0');
  power += static_cast<std::int64_t>(digits.size() - 1 - last);
  if (power < 0)
    return std::nullopt;
  constexpr std::int64_t places_max = std::numeric_limits<std::int64_t>::digits10;
  const std::string_view significant = std::string_view(digits).substr(first, last + 1 - first);
  if (static_cast<std::int64_t>(significant.size()) + power > places_max)
    return minus ? std::numeric_limits<std::int64_t>::min()
                 : std::numeric_limits<std::int64_t>::max();
  std::int64_t value = 0;
  for (const char digit : significant)
    value = value * 10 + (digit - '0');
  for (; power > 0; --power)
    value *= 10;
  return minus ? -value : value;
}

/// Takes the members of one event object from nlohmann's parser, without building a tree.
class event_sax final : public nlohmann::json::json_sax_t {
public:
  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool binary(binary_t&) override { return other(); }
  bool number_integer(number_integer_t value) override {
    whole(value);
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    constexpr auto max = std::numeric_limits<std::int64_t>::max();
    whole(value > static_cast<number_unsigned_t>(max) ? max : static_cast<std::int64_t>(value));
    return true;
  }
  /// Integers beyond 64 bits arrive here too.
  bool number_float(number_float_t value, const string_t& text) override {
    if (here() != "timestamp") {
      number(value);
      return true;
    }
    const auto exact = read_whole(text);
    if (!exact)
      return other();
    timestamp_ = *exact;
    return true;
  }
  bool string(string_t& value) override {
    if (here() != "robot")
      return other();
    robot_ = std::move(value);
    has_robot_ = true;
    return true;
  }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override {
    if (depth_ == 1)
      key_ = std::move(value);
    return true;
  }
  bool parse_error(std::size_t at, const std::string&,
                   const nlohmann::detail::exception& why) override {
    constexpr int number_overflow = 406;
    fault_ = why.id == number_overflow ? "a number is too large"
                                       : "not valid JSON at byte " + std::to_string(at);
    return false;
  }

  /// The event. @pre the whole object was parsed.
  result<ingest_line> event() {
    if (!fault_.empty())
      return failure{errc::malformed, std::move(fault_)};
    if (!x_ || !y_ || !timestamp_ || !has_robot_)
      return failure{errc::malformed, std::string(missing()).append(" is missing")};
    const auto x = check_coordinate(*x_, "x");
    if (!x)
      return x.error();
    const auto y = check_coordinate(*y_, "y");
    if (!y)
      return y.error();
    if (const auto legal = check_timestamp(*timestamp_); !legal)
      return legal.error();
    if (const auto legal = check_name(robot_); !legal)
      return legal.error();
    return ingest_line{std::move(robot_), {x.value(), y.value()}, *timestamp_};
  }

private:
  /// The key of the member that a scalar belongs to; "" inside of a nested value.
  [[nodiscard]] std::string_view here() const noexcept {
    return depth_ == 1 ? std::string_view(key_) : std::string_view();
  }

  [[nodiscard]] std::string_view missing() const noexcept {
    return !x_ ? "x" : !y_ ? "y" : !timestamp_ ? "timestamp" : "robot";
  }

  void number(double value) {
    if (here() == "x")
      x_ = value;
    else if (here() == "y")
      y_ = value;
    else
      other();
  }

  void whole(std::int64_t value) {
    if (here() == "timestamp")
      timestamp_ = value;
    else
      number(static_cast<double>(value));
  }

  /// A value that no member of an event may have. It is a fault if the key is one of these members.
  bool other() {
    if (here() == "x" || here() == "y")
      fault_ = std::string(here()).append(not_a_number);
    else if (here() == "timestamp")
      fault_ = not_whole;
    else if (here() == "robot")
      fault_ = not_a_string;
    return true;
  }

  bool open() {
    if (depth_ > 0)
      other();
    if (++depth_ > depth_max)
      fault_ = "nested too deeply";
    return depth_ <= depth_max;
  }

  bool close() {
    --depth_;
    return true;
  }

  std::size_t depth_ = 0;
  std::string key_;
  std::string fault_;
  std::optional<double> x_;
  std::optional<double> y_;
  std::optional<std::int64_t> timestamp_;
  std::string robot_;
  bool has_robot_ = false;
};

/// Finds the elements of an array one by one and parses each by itself, so that a large array can
/// be read in steps.
class json_array_reader final : public body_reader {
public:
  json_array_reader(std::string body, std::size_t element_bytes_max)
      : body_(std::move(body)), element_bytes_max_(element_bytes_max) {
    parsed_.reserve(body_.size(), json_event_bytes_min);
  }

  result<bool> advance(std::size_t bytes) override {
    const std::size_t until = std::min(at_ + bytes, body_.size());
    const std::size_t events_end = parsed_.events.size() + step_lines_max;
    while (skip_space(until) && parsed_.events.size() < events_end) {
      switch (expected_) {
      case part::array:
        if (!take('['))
          return failure{errc::malformed, "the body is not a JSON array"};
        expected_ = part::first_element;
        break;
      case part::first_element:
        expected_ = take(']') ? part::end : part::element;
        break;
      case part::element:
        if (auto read = read_element(); !read)
          return read.error();
        break;
      case part::end:
        if (at_ != body_.size())
          return failure{errc::malformed, "the body has text behind its JSON array"};
        return true;
      }
    }
    return false;
  }

  parsed_body take() override { return std::move(parsed_); }

private:
  /// The next part of the body.
  enum class part { array, first_element, element, end };

  /// @returns whether a character other than a space, or the end of the body, was found by `until`.
  bool skip_space(std::size_t until) noexcept {
    while (at_ < until && is_space(body_[at_]))
      ++at_;
    return at_ < until || at_ == body_.size();
  }

  bool take(char wanted) noexcept {
    if (at_ == body_.size() || body_[at_] != wanted)
      return false;
    ++at_;
    return true;
  }

  /// Length of the element at at_, up to the ',' or ']' that ends it.
  result<std::size_t> element_size() const {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = at_; i < body_.size(); ++i) {
      if (i - at_ > element_bytes_max_)
        return failure{errc::malformed, element_text() + " is longer than ingest.max_message"};
      const char c = body_[i];
      if (in_string) {
        if (c == '\\')
          ++i;
        in_string = c != '"';
      } else if (c == '"') {
        in_string = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (depth == 0 && (c == ',' || c == ']')) {
        return i - at_;
      } else if ((c == '}' || c == ']') && depth > 0) {
        --depth;
      }
    }
    return failure{errc::malformed, "the JSON array does not end"};
  }

  result<void> read_element() {
    const auto size = element_size();
    if (!size)
      return size.error();
    auto event = parse_json_event(std::string_view(body_).substr(at_, *size));
    if (!event)
      return failure{errc::malformed, element_text() + ": " + event.error().text};
    parsed_.events.push_back(std::move(event).value());
    parsed_.lines.push_back(static_cast<std::uint32_t>(parsed_.events.size()));
    at_ += *size;
    expected_ = body_[at_] == ']' ? part::end : part::element;
    ++at_;
    return {};
  }

  /// "element 3" for the third element, if that is the one being read.
  [[nodiscard]] std::string element_text() const {
    return "element " + std::to_string(parsed_.events.size() + 1);
  }

  const std::string body_;
  const std::size_t element_bytes_max_;
  std::size_t at_ = 0;
  part expected_ = part::array;
  parsed_body parsed_;
};

} // namespace

result<ingest_line> parse_json_event(std::string_view text) {
  if (text.empty() || text.front() != '{')
    return failure{errc::malformed, text.empty() ? "nothing is there" : "not a JSON object"};
  if (text.find('\0') != std::string_view::npos) // nlohmann's parser would end there
    return failure{errc::malformed, "not valid JSON: it holds a NUL byte"};
  event_sax sax;
  nlohmann::json::sax_parse(text.begin(), text.end(), &sax);
  return sax.event();
}

std::unique_ptr<body_reader> make_json_array_reader(std::string body,
                                                    std::size_t element_bytes_max) {
  return std::make_unique<json_array_reader>(std::move(body), element_bytes_max);
}

} // namespace telemetry::net
