#include "net/network_list.hpp"

#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

bool contains(const char* networks, const char* address) {
  const auto list = network_list::read(networks);
  EXPECT_TRUE(list) << list.error().text;
  return list && list->contains(boost::asio::ip::make_address(address));
}

TEST(NetworkListTest, ContainsTheAddressesOfItsNetworks) {
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(contains("192.168.1.5", "192.168.1.5"));
  EXPECT_FALSE(contains("192.168.1.5", "192.168.1.4"));
  EXPECT_TRUE(contains("10.0.0.0/8, fd00::/8", "fdff::1"));
  EXPECT_FALSE(contains("fd00::/8", "fc00::1"));
  EXPECT_FALSE(contains("", "127.0.0.1"));
}

TEST(NetworkListTest, ComparesEachBitOfTheNetworkAndNoOther) {
  for (unsigned bits = 1; bits <= 32; ++bits) {
    const auto list = "172.16.99.255/" + std::to_string(bits);
    for (unsigned flipped = 0; flipped < 32; ++flipped) {
      const boost::asio::ip::address_v4 address(0xac1063ffu ^ (0x80000000u >> flipped));
      EXPECT_EQ(contains(list.c_str(), address.to_string().c_str()), flipped >= bits)
          << list << ' ' << address;
    }
  }
}

TEST(NetworkListTest, FoldsAddressesThatAreMappedIntoIpv6) {
  EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
  EXPECT_TRUE(contains("::ffff:10.1.2.3", "10.1.2.3"));
  EXPECT_FALSE(contains("::1", "127.0.0.1"));
}

TEST(NetworkListTest, RefusesWhatIsNoNetwork) {
  for (const char* text : {"x", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x",
                           "fd00::/129", "10.0.0.0/8,,::1", "localhost"})
    EXPECT_FALSE(network_list::read(text)) << text;
  for (const char* everybody : {"0.0.0.0/0", "::/0"})
    EXPECT_NE(network_list::read(everybody).error().text.find("every client"), std::string::npos);
}

} // namespace
} // namespace telemetry::net
