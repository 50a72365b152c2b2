#pragma once

#include "config/settings.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace telemetry::config {

using strings = std::vector<std::string>;

/// parse() of these arguments (without the program's name) and NAME=value strings.
inline parsed parse_all(const strings& arguments, const strings& environment = {}) {
  std::vector<const char*> argv{"telemetryd"};
  for (const std::string& one : arguments)
    argv.push_back(one.c_str());
  std::vector<const char*> envp;
  for (const std::string& one : environment)
    envp.push_back(one.c_str());
  envp.push_back(nullptr);
  return parse(static_cast<int>(argv.size()), argv.data(), envp.data());
}

/// A configuration file that exists as long as this object.
class temporary_file {
public:
  explicit temporary_file(std::string_view content)
      : path_(testing::TempDir() + "telemetryd-" + std::to_string(getpid()) + "-" +
              std::to_string(next_++) + ".conf") {
    std::ofstream(path_) << content;
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() { std::filesystem::remove(path_); }

  [[nodiscard]] const std::string& path() const { return path_; }

private:
  static inline int next_ = 0;
  std::string path_;
};

/// A legal value that is not the default.
inline std::string other_value(const setting& what) {
  if (is_text(what.in))
    return "elsewhere";
  if (what.in == unit::choice)
    return std::string(what.choices.substr(what.choices.rfind('|') + 1));
  const std::string least = write_number(what.least, what.in);
  return value_text(what, {}) == least ? write_number(what.most, what.in) : least;
}

/// Settings that another one bounds: given with each test of one setting, so that it stands alone.
inline strings unbounded(const setting& what) {
  if (what.key == "storage.warn_free")
    return {"--storage.min_free=0"};
  if (what.key == "storage.min_free")
    return {"--storage.warn_free=16TiB"};
  if (what.key == "storage.journal")
    return {"--storage.store=mysql"};
  return {};
}

/// As gtest prints a list of problems.
inline std::string joined(const strings& problems) {
  std::string text;
  for (const std::string& one : problems)
    text += one + "\n";
  return text;
}

} // namespace telemetry::config
