#pragma once

#include "bench/macro/fleet.hpp"
#include "bench/macro/load_run.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

namespace telemetry::bench {

/// The options of telemetry_load. load_settings.cpp describes them.
struct load_settings {
  load_options load{};
  fleet_options robots{};
  std::uint64_t events = 0;
  /// Events per connection that an earlier run has sent.
  std::uint64_t skipped_per_connection = 0;
  std::string order;
  std::string data_dir;
  std::string replay_file;
  double settle_seconds = 0;
  double hold_seconds = 0;
  pid_t pid = 0;
  bool verify = false;
  bool verify_only = false;
};

/// @returns nullopt if only the help was asked for, which it has printed.
/// @throws std::exception if an option is wrong; the text says why.
std::optional<load_settings> read_load_settings(int argc, char** argv);

} // namespace telemetry::bench
