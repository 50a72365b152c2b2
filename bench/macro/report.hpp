#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace telemetry::bench {

/// Prints figures in the order in which they were added: a readable block, then one JSON line.
class report {
public:
  /// `name` ends in its unit; a number is shown with `decimals` places.
  void add(std::string_view name, double value, int decimals = 0);
  void add(std::string_view name, std::string_view text);
  void print() const;

private:
  struct line {
    std::string name;
    std::string value;
    bool quoted;
  };
  std::vector<line> lines_;
};

} // namespace telemetry::bench
