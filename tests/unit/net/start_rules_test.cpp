#include "net/start_rules.hpp"

#include <gtest/gtest.h>

#include <array>

namespace telemetry::net {
namespace {

enum class where { nowhere, loopback, network };

constexpr std::array everywhere{where::nowhere, where::loopback, where::network};

std::optional<ways_in::tcp> listener_at(where place, const char* address) {
  if (place == where::nowhere)
    return std::nullopt;
  return ways_in::tcp{address, place == where::network};
}

/// The rule that refuses these ways in: "M0" to "M3", or "" if the server may start. Written from
/// the table of SECURITY.md, row by row; the first that fits decides.
std::string expected(where plain, where tls, bool door, bool keys, bool proxies) {
  if (plain == where::nowhere && tls == where::nowhere && !door)
    return "M0";
  if (!keys && proxies)
    return "M1";
  if (!keys && (plain == where::network || tls == where::network))
    return "M2";
  if (keys && plain == where::network && !proxies)
    return "M3";
  return "";
}

std::string rule_of(const std::optional<std::string>& fault) {
  if (!fault)
    return "";
  if (fault->find("listens nowhere") != std::string::npos)
    return "M0";
  if (fault->find("the proxy would open this server") != std::string::npos)
    return "M1";
  return fault->find("nobody is asked for a key") != std::string::npos ? "M2" : "M3";
}

TEST(StartRulesTest, DecidesEachCombinationAsTheTableSays) {
  for (const auto plain : everywhere)
    for (const auto tls : everywhere)
      for (const bool door : {false, true})
        for (const bool keys : {false, true})
          for (const bool proxies : {false, true}) {
            const ways_in ways{listener_at(plain, "0.0.0.0:8000"), listener_at(tls, "[::]:8443"),
                               door, keys, proxies};
            EXPECT_EQ(rule_of(fault_of(ways)), expected(plain, tls, door, keys, proxies))
                << static_cast<int>(plain) << static_cast<int>(tls) << door << keys << proxies;
          }
}

TEST(StartRulesTest, TellsTheWaysOut) {
  const auto network = listener_at(where::network, "0.0.0.0:8000");
  EXPECT_EQ(fault_of({}),
            "telemetryd listens nowhere: set net.host, tls.certificate or net.unix_socket");
  EXPECT_EQ(fault_of({.plain = listener_at(where::loopback, "127.0.0.1:8000"),
                      .has_trusted_proxies = true}),
            "net.trusted_proxies is set but no key is asked for: the proxy would open this server "
            "to its clients. Set auth.keys_file, remove net.trusted_proxies, or say --insecure.");
  EXPECT_EQ(fault_of({.plain = network}),
            "0.0.0.0:8000 can be reached from the network and nobody is asked for a key. Ways out: "
            "net.host=127.0.0.1; auth.keys_file (telemetryd keys add) with tls.certificate or "
            "net.trusted_proxies; --insecure.");
  EXPECT_EQ(fault_of({.plain = network, .asks_for_keys = true}),
            "0.0.0.0:8000 can be reached from the network without TLS, so keys could be read on "
            "the way. Ways out: net.host=127.0.0.1 with tls.certificate; net.trusted_proxies, if a "
            "proxy ends TLS; --insecure.");
}

TEST(StartRulesTest, KnowsLoopback) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"})
    EXPECT_FALSE(is_on_network(host)) << host;
  for (const char* host : {"0.0.0.0", "::", "192.0.2.1", "no such host"})
    EXPECT_TRUE(is_on_network(host)) << host;
}

} // namespace
} // namespace telemetry::net
