#pragma once

#include "net/rest/api.hpp"

#include <utility>

namespace telemetry {

/// The answer to a question that came too early or too late.
template <class T>
class refused_stream final : public net::pull_stream<T> {
public:
  explicit refused_stream(failure why) : why_(std::move(why)) {}
  void next(net::callback<std::vector<T>> done) override { done(why_); }

private:
  failure why_;
};

} // namespace telemetry
