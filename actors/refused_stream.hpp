#pragma once

#include "net/rest/api.hpp"

#include <utility>

namespace telemetry {

/// The answer to a request before the end of the replay, or during the stop: fails with `why`.
template <class T>
class refused_stream final : public net::pull_stream<T> {
public:
  explicit refused_stream(failure why) : why_(std::move(why)) {}
  void next(net::callback<std::vector<T>> done) override { done(why_); }

private:
  failure why_;
};

} // namespace telemetry
