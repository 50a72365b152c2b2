#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace telemetry::net {

/// Conditions that an operator should mend although the server is ready, for /readyz.
///
/// Thread-safe.
class warnings {
public:
  /// Replaces the text of `topic`; an empty text ends the warning.
  void set(const std::string& topic, std::string text) {
    const std::lock_guard lock(mutex_);
    if (text.empty())
      texts_.erase(topic);
    else
      texts_.insert_or_assign(topic, std::move(text));
  }
  [[nodiscard]] std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const auto& [topic, text] : texts_)
      out.push_back(text);
    return out;
  }

private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> texts_;
};

} // namespace telemetry::net
