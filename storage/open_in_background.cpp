#include "storage/open_in_background.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace telemetry {

namespace {

constexpr std::chrono::milliseconds shortest_pause{250};
constexpr std::chrono::milliseconds longest_pause{5'000};

result<storage> open_in_the_end(const storage_options& how,
                                const std::function<void(const failure&)>& on_unreachable) {
  for (auto pause = shortest_pause;; pause = std::min(2 * pause, longest_pause)) {
    auto opened = open_storage(how);
    if (opened || opened.error().code != errc::unreachable)
      return opened;
    on_unreachable(opened.error());
    std::this_thread::sleep_for(pause);
  }
}

} // namespace

open_in_background::open_in_background(storage_options how,
                                       std::function<void(const failure&)> on_unreachable) {
  std::packaged_task<result<storage>()> task(
      [how = std::move(how), tell = std::move(on_unreachable)] {
        return open_in_the_end(how, tell);
      });
  outcome_ = task.get_future();
  std::thread(std::move(task)).detach();
}

std::optional<result<storage>> open_in_background::wait(std::chrono::milliseconds patience) {
  if (outcome_.wait_for(patience) != std::future_status::ready)
    return std::nullopt;
  return outcome_.get();
}

} // namespace telemetry
