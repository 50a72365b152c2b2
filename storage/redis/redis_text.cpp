#include "storage/redis/redis_text.hpp"

#include <array>
#include <cstdio>
#include <random>

namespace telemetry::redis {

std::string random_token() {
  std::random_device random;
  std::string out;
  for (int i = 0; i < 4; ++i) {
    std::array<char, 9> digits{};
    std::snprintf(digits.data(), digits.size(), "%08x", static_cast<unsigned>(random()));
    out += digits.data();
  }
  return out;
}

} // namespace telemetry::redis
