#include "bench/macro/report.hpp"

#include <cstdio>

namespace telemetry::bench {

namespace {

/// As JSON wants it: quotes and backslashes escaped, control characters replaced.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return out + '"';
}

} // namespace

void report::add(std::string_view name, double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  lines_.push_back({std::string(name), text, false});
}

void report::add(std::string_view name, std::string_view text) {
  lines_.push_back({std::string(name), std::string(text), true});
}

void report::print() const {
  std::string json;
  for (const auto& at : lines_) {
    std::printf("  %-28s %s\n", at.name.c_str(), at.value.c_str());
    json += json.empty() ? "{" : ",";
    json += quoted(at.name) + ":" + (at.quoted ? quoted(at.value) : at.value);
  }
  std::printf("%s}\n", json.c_str());
  std::fflush(stdout);
}

} // namespace telemetry::bench
