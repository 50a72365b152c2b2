#include "net/http_host.hpp"

#include <gtest/gtest.h>

#include <string>

namespace telemetry::net {
namespace {

TEST(HttpHostTest, TakesNamesAndAddressesWithAndWithoutAPort) {
  for (const std::string host :
       {"", "x", "x:", "x:80", ":80", "10.0.0.1:8000", "[::1]", "[::1]:8000", "[::ffff:1.2.3.4]",
        "[fe80::1%25eth0]:1", "[fe80::1%eth0]", "robot_7.local", "a%20b", "a,b", "[v1.x:y]"})
    EXPECT_TRUE(is_host(host)) << host;
}

TEST(HttpHostTest, RefusesEverythingElse) {
  for (const std::string host :
       {"a b",    "u@a",     "a/b",     "a, b",   "a:b",     "a:1:2",   "::1",
        "a:80 ",  "a?b",     "a#b",     "a\\b",   "a\"b",    "a\tb",    "\xc3\xbc",
        "a%",     "a%2",     "a%zz",    "[",      "[]",      "[::1",    "[a]",
        "[::1]x", "[::1]:x", "[::1]80", "[:: 1]", "[u@::1]", "[[::1]]", "x[::1]"})
    EXPECT_FALSE(is_host(host)) << host;
}

} // namespace
} // namespace telemetry::net
