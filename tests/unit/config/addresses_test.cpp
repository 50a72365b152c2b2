#include "config/addresses.hpp"

#include <gmock/gmock.h>

namespace telemetry::config {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(AddressesTest, AreHostsWithOrWithoutPorts) {
  EXPECT_THAT(read_addresses("db", 3306), Optional(ElementsAre(address{"db", 3306})));
  EXPECT_THAT(read_addresses("10.0.0.1:3307,db-2.example", 3306),
              Optional(ElementsAre(address{"10.0.0.1", 3307}, address{"db-2.example", 3306})));
}

TEST(AddressesTest, TakeSpacesBehindACommaAsPeopleWriteThem) {
  EXPECT_THAT(read_addresses("a:1,  b", 2),
              Optional(ElementsAre(address{"a", 1}, address{"b", 2})));
}

TEST(AddressesTest, TakeIpv6InBrackets) {
  EXPECT_THAT(read_addresses("[::1]:6380,[fe80::2]", 6379),
              Optional(ElementsAre(address{"::1", 6380}, address{"fe80::2", 6379})));
}

TEST(AddressesTest, RefuseWhatIsNoAddress) {
  for (const char* bad : {"", ",", "a,", "a,,b", ":1", "a:", "a:0", "a:65536", "a:x", "a:1:2",
                          "::1", "[::1", "[::1]x", "[]:1", "a b", "a ,b", "a, "})
    EXPECT_EQ(read_addresses(bad, 1), std::nullopt) << bad;
}

} // namespace
} // namespace telemetry::config
