#include "config/settings.hpp"

#include <algorithm>

// The texts about settings (--help, --print-config, the example file), made from the table.
namespace telemetry::config {
namespace {

constexpr std::size_t key_width = 28;

std::string_view group_of(const setting& one) { return one.key.substr(0, one.key.find('.')); }
std::string_view name_of(const setting& one) { return one.key.substr(one.key.find('.') + 1); }

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

/// Calls `on_group` before the first setting of each group and `on_setting` for every one.
template <class OnGroup, class OnSetting>
void walk(OnGroup on_group, OnSetting on_setting) {
  std::string_view group;
  for (const setting& one : all_settings()) {
    if (group_of(one) != group) {
      group = group_of(one);
      on_group(group);
    }
    on_setting(one);
  }
}

} // namespace

std::string help() {
  std::string text = "telemetryd " + std::string(version());
  text +=
      " - telemetry server for robot fleets\n\n"
      "Usage: telemetryd [migrate [--dry-run]] [--KEY=VALUE ...]\n"
      "       telemetryd keys COMMAND\n\n"
      "  keys              make, list, rotate and revoke the keys of auth.keys_file (keys --help)\n"
      "  migrate           bring the tables of storage.store=mysql up to date and exit; a start "
      "does\n"
      "                    so too. --dry-run: only print the SQL\n"
      "  --config FILE     read settings from FILE (or: TELEMETRY_CONFIG=FILE)\n"
      "  --check-config    check all settings and exit: 0 valid, 2 not\n"
      "  --print-config    print the effective settings and where each came from, as a file\n"
      "  --version         print the version\n"
      "  -h, --help        print this\n\n"
      "Settings, in rising precedence: default, configuration file, environment, command line.\n"
      "  command line      --net.port=9000 or --net.port 9000\n"
      "  environment       TELEMETRY_NET_PORT=9000\n"
      "  file              port = 9000 below [net], or net.port = 9000 at the top\n"
      "Sizes: 4096, 64KiB, 8MiB, 1GiB. Durations: 500 (ms), 500ms, 10s, 5min, 1h, 1d.\n";
  const options defaults;
  walk([&](std::string_view group) { text.append("\n").append(group).append("\n"); },
       [&](const setting& one) {
         text += "  " + padded(std::string(one.key), key_width);
         const auto standard = value_text(one, defaults);
         text += (standard.empty() ? "none" : standard) + "   (" + legal_range(one) + ")\n      ";
         text.append(one.meaning).append("\n");
       });
  return text;
}

std::string example() {
  std::string text = "# telemetryd.conf: every setting at its default. Use: telemetryd --config "
                     "FILE\n# Sizes: 4096, 64KiB, 8MiB. Durations: 500ms, 10s, 5min, 1h.\n";
  const options defaults;
  walk([&](std::string_view group) { text.append("\n[").append(group).append("]\n"); },
       [&](const setting& one) {
         text.append("# ").append(one.meaning).append("\n");
         text += "# " + legal_range(one) + "; environment: " + environment_name(one) + "\n";
         text.append("#").append(name_of(one)).append(" = ");
         text += value_text(one, defaults) + "\n";
       });
  return text;
}

std::string print(const parsed& effective) {
  std::string text = "# telemetryd " + std::string(version()) + ", effective settings\n";
  walk([&](std::string_view group) { text.append("\n[").append(group).append("]\n"); },
       [&](const setting& one) {
         const auto origin = effective.origins.find(one.key);
         std::string line(name_of(one));
         const auto value = value_text(one, effective.settings);
         line += " = " + (one.in == unit::secret && !value.empty() ? "***" : value);
         text += padded(line, key_width + 8) + " # ";
         text += (origin == effective.origins.end() ? "default" : origin->second) + "\n";
       });
  return text;
}

std::string reply(const parsed& asked) {
  switch (asked.what) {
  case action::serve:
  case action::keys:
  case action::migrate:
  case action::migrate_dry_run:
    break;
  case action::help:
    return help();
  case action::version:
    return "telemetryd " + std::string(version()) + "\n";
  case action::check_config:
    return "configuration is valid\n";
  case action::print_config:
    return print(asked);
  }
  return {};
}

} // namespace telemetry::config
