#include "config/options.hpp"

#include "config/settings.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace telemetry::config {
namespace {

namespace po = boost::program_options;

constexpr std::string_view env_prefix = "TELEMETRY_";
constexpr std::string_view env_config = "TELEMETRY_CONFIG";
/// The key that a producer shows. It may be in the environment of a shell that starts the server.
constexpr std::string_view env_key = "TELEMETRY_KEY";

struct given {
  std::string key;
  std::string value;
};

std::string unknown(std::string_view key, std::string_view suggestion, std::string_view origin) {
  std::string text(key);
  text.append(": there is no such setting (from ").append(origin).append(")");
  if (!suggestion.empty())
    text.append("; did you mean ").append(suggestion).append("?");
  return text.append(" --help lists all");
}

void apply(const given& what, const std::string& origin, parsed& into) {
  const setting* row = find_setting(what.key);
  if (row == nullptr) {
    into.problems.push_back(unknown(what.key, nearest_key(what.key), origin));
    return;
  }
  if (const auto wrong = assign(*row, what.value, into.settings))
    into.problems.push_back(what.key + ": " + *wrong + " (from " + origin +
                            "); legal: " + legal_range(*row));
  into.origins[what.key] = origin;
}

/// The settings for Boost.Program_options: each name takes one string, which assign() reads later.
po::options_description described() {
  po::options_description all;
  for (const setting& one : all_settings())
    all.add_options()(std::string(one.key).c_str(), po::value<std::string>());
  return all;
}

struct command_line {
  action what = action::serve;
  std::vector<std::string> keys_arguments;
  std::string config_file;
  std::vector<given> settings;
};

void read_command_line(const std::vector<std::string>& arguments, command_line& into,
                       std::vector<std::string>& problems) {
  po::options_description all = described();
  all.add_options()("help,h", "")("version", "")("check-config", "")("print-config", "")(
      "dry-run", "")("insecure", "")("config", po::value<std::string>());
  constexpr int exact_names =
      po::command_line_style::unix_style ^ po::command_line_style::allow_guessing;
  bool is_dry_run = false;
  const auto parsed_line = po::command_line_parser(arguments).options(all).style(exact_names).run();
  for (const auto& option : parsed_line.options) {
    const std::string& key = option.string_key;
    if (option.position_key != -1 && option.value.at(0) == "migrate")
      into.what = action::migrate;
    else if (option.position_key != -1)
      problems.push_back("\"" + option.value.at(0) + "\": not a setting (from command line); " +
                         "settings are given as --net.port=9000");
    else if (key == "help")
      into.what = action::help;
    else if (key == "version")
      into.what = action::version;
    else if (key == "check-config")
      into.what = action::check_config;
    else if (key == "print-config")
      into.what = action::print_config;
    else if (key == "dry-run")
      is_dry_run = true;
    else if (key == "insecure")
      into.settings.push_back({"net.insecure", "on"});
    else if (key == "config")
      into.config_file = option.value.at(0);
    else if (const setting* row = find_setting(key); row != nullptr && row->in == unit::secret)
      problems.push_back(key +
                         ": cannot be given on the command line, because every user of the machine "
                         "can read it; use " +
                         environment_name(*row) + " or a configuration file");
    else
      into.settings.push_back({key, option.value.at(0)});
  }
  if (!is_dry_run)
    return;
  if (into.what == action::migrate)
    into.what = action::migrate_dry_run;
  else
    problems.push_back("--dry-run goes with migrate only (from command line)");
}

/// Splits `keys ARGUMENTS`. Settings stand in the configuration file, which --config names, or in
/// the environment.
void read_keys_line(std::vector<std::string> arguments, command_line& into,
                    std::vector<std::string>& problems) {
  into.what = action::keys;
  arguments.erase(arguments.begin());
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].starts_with("--config=")) {
      into.config_file = arguments[i].substr(std::string_view("--config=").size());
    } else if (arguments[i] == "--config" && i + 1 < arguments.size()) {
      into.config_file = arguments[++i];
    } else if (arguments[i] == "--config") {
      problems.emplace_back("--config takes a file (from command line)");
    } else {
      into.keys_arguments.push_back(arguments[i]);
    }
  }
}

/// Like read_command_line(), but turns exceptions of Boost for a malformed line into problems.
command_line checked_command_line(int argc, const char* const* argv,
                                  std::vector<std::string>& problems) {
  command_line read;
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  if (!arguments.empty() && arguments.front() == "keys") {
    read_keys_line(arguments, read, problems);
    return read;
  }
  try {
    read_command_line(arguments, read, problems);
  } catch (const po::unknown_option& wrong) {
    std::string key = wrong.get_option_name();
    key.erase(0, key.find_first_not_of('-'));
    key.resize(std::min(key.size(), key.find('=')));
    problems.push_back(unknown(key, nearest_key(key), "command line"));
  } catch (const po::error& wrong) {
    problems.push_back(std::string(wrong.what()) + " (from command line)");
  }
  return read;
}

void read_file(const std::string& path, parsed& into) {
  const std::string origin = "file " + path;
  std::ifstream file(path);
  if (!file) {
    into.problems.push_back(origin + ": cannot be read: " + std::strerror(errno));
    return;
  }
  std::vector<std::string> seen;
  try {
    const auto options = po::parse_config_file(file, described(), true).options;
    for (const auto& option : options) {
      const std::string& key = option.string_key;
      if (std::ranges::find(seen, key) != seen.end())
        into.problems.push_back(key + ": given twice (from " + origin + ")");
      seen.push_back(key);
      apply({key, option.value.empty() ? "" : option.value.front()}, origin, into);
    }
  } catch (const po::error& wrong) {
    into.problems.push_back(origin + ": " + wrong.what());
  }
}

/// The value of NAME in NAME=value strings, or "".
std::string environment_value(const char* const* envp, std::string_view name) {
  for (; envp != nullptr && *envp != nullptr; ++envp) {
    const std::string_view entry = *envp;
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return std::string(entry.substr(name.size() + 1));
  }
  return {};
}

/// The environment name of a setting that is most similar to `name`, or "" if none is similar.
std::string nearest_environment_name(std::string_view name) {
  std::string key(name.substr(env_prefix.size()));
  std::ranges::transform(key, key.begin(), [](unsigned char c) { return std::tolower(c); });
  if (const auto group_end = key.find('_'); group_end != std::string::npos)
    key[group_end] = '.';
  const setting* near = find_setting(nearest_key(key));
  return near == nullptr ? "" : environment_name(*near);
}

void read_environment(const char* const* envp, parsed& into) {
  for (; envp != nullptr && *envp != nullptr; ++envp) {
    const std::string_view entry = *envp;
    const std::string name(entry.substr(0, entry.find('=')));
    if (!name.starts_with(env_prefix) || name == env_config || name == env_key ||
        name.size() == entry.size())
      continue;
    const auto rows = all_settings();
    const auto at = std::ranges::find(rows, name, environment_name);
    if (at == rows.end())
      into.problems.push_back(unknown(name, nearest_environment_name(name), "environment"));
    else
      apply({std::string(at->key), std::string(entry.substr(name.size() + 1))},
            "environment " + name, into);
  }
}

/// An abstract socket has neither an owner nor a mode, so every user of the machine can connect.
void check_unix_socket(parsed& read) {
  if (read.settings.net.unix_socket.starts_with('@'))
    read.problems.push_back("net.unix_socket: \"" + read.settings.net.unix_socket +
                            "\" looks like an abstract socket, which has no permissions; legal: a "
                            "path (./@name for a file of that name)");
}

/// Checks settings that limit each other.
void check_together(parsed& read) {
  const auto& storage = read.settings.storage;
  if (storage.store == store_engine::rocksdb && storage.journal != journal_engine::file)
    read.problems.push_back(
        "storage.journal: mysql and redis go with storage.store=mysql only; legal pairs of journal "
        "and store: file and rocksdb, file and mysql, mysql and mysql, redis and mysql");
  if (storage.warn_free < storage.min_free)
    read.problems.push_back("storage.warn_free: " + write_number(storage.warn_free, unit::bytes) +
                            " is below storage.min_free; legal: " +
                            write_number(storage.min_free, unit::bytes) + " or more");
}

} // namespace

parsed parse(int argc, const char* const* argv, const char* const* envp) {
  parsed read;
  const command_line line = checked_command_line(argc, argv, read.problems);
  read.what = line.what;
  read.keys_arguments = line.keys_arguments;
  std::string file = line.config_file;
  if (file.empty())
    file = environment_value(envp, env_config);
  if (!file.empty())
    read_file(file, read);
  read_environment(envp, read);
  for (const given& one : line.settings)
    apply(one, "command line", read);
  check_together(read);
  check_unix_socket(read);
  return read;
}

std::string_view version() noexcept { return TELEMETRY_VERSION; }

} // namespace telemetry::config
