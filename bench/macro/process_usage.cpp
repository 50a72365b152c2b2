#include "bench/macro/process_usage.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <sys/stat.h>
#include <time.h>

namespace telemetry::bench {

namespace {

std::string proc_file(pid_t pid, std::string_view name) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/" + std::string(name));
  std::stringstream text;
  if (!in || !(text << in.rdbuf()))
    throw std::runtime_error("cannot read /proc/" + std::to_string(pid) + "/" + std::string(name));
  return text.str();
}

/// The number that follows `key` in a /proc file.
std::uint64_t field(const std::string& text, std::string_view key) {
  const auto at = text.find(key);
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + key.size()));
}

/// The clock of the process: /proc/PID/stat tells the same in steps of 10 ms.
double cpu_seconds(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
    throw std::runtime_error("there is no process " + std::to_string(pid));
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

std::uint64_t sleeps(pid_t pid) {
  std::uint64_t sum = 0;
  std::error_code gone; // threads may end meanwhile
  for (auto task =
           std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone);
       task != std::filesystem::end(task); task.increment(gone)) {
    std::ifstream in(task->path() / "status");
    std::stringstream text;
    text << in.rdbuf();
    sum += field(text.str(), "\nvoluntary_ctxt_switches:");
  }
  return sum;
}

} // namespace

process_usage usage_of(pid_t pid) {
  const auto status = proc_file(pid, "status");
  const auto io = proc_file(pid, "io");
  return {cpu_seconds(pid), field(status, "VmRSS:") * 1024, field(status, "VmHWM:") * 1024,
          field(io, "\nwrite_bytes:"), sleeps(pid)};
}

std::uint64_t disk_bytes(const std::string& directory) {
  std::uint64_t blocks = 0;
  std::error_code gone; // the server may remove files meanwhile
  for (auto entry = std::filesystem::recursive_directory_iterator(directory, gone);
       entry != std::filesystem::end(entry); entry.increment(gone)) {
    struct stat info {};
    if (::lstat(entry->path().c_str(), &info) == 0 && S_ISREG(info.st_mode))
      blocks += static_cast<std::uint64_t>(info.st_blocks);
  }
  return blocks * 512;
}

bool wait_until_quiet(pid_t pid, std::chrono::milliseconds least, const pause& wait) {
  using namespace std::chrono_literals;
  wait(least);
  auto before = cpu_seconds(pid);
  for (int second = 0; second < 60; ++second) {
    wait(1s);
    const auto now = cpu_seconds(pid);
    if (now - before < 0.0201)
      return true;
    before = now;
  }
  return false;
}

} // namespace telemetry::bench
