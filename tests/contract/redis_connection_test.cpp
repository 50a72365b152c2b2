// What telemetryd says about a Redis that it cannot use.
#include "tests/contract/redis_fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace telemetry::test {
namespace {

/// The port in the answer to CONFIG GET port.
std::uint16_t port_in(const std::string& answer) {
  return static_cast<std::uint16_t>(std::stoi(answer.substr(std::string_view("port\n").size())));
}

/// The size of the append-only file in an answer to INFO.
std::string append_only_bytes(const std::string& info) {
  const auto at = info.find("aof_current_size:");
  return info.substr(at, info.find('\r', at) - at);
}

class RedisConnectionTest : public own_redis_test {
protected:
  server_address tcp_address() { return {"127.0.0.1", port_in(cli({"CONFIG", "GET", "port"}))}; }
  [[nodiscard]] redis_options by_hosts(std::vector<server_address> hosts) const {
    redis_options options = options_;
    options.socket.clear();
    options.hosts = std::move(hosts);
    return options;
  }
};

/// A port of this machine where nobody answers: bound, not listening.
class silent_port {
public:
  silent_port() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no port");
    port_ = ntohs(address.sin_port);
  }
  ~silent_port() { close(fd_); }
  silent_port(const silent_port&) = delete;
  silent_port& operator=(const silent_port&) = delete;
  /// From now on it accepts connections and says nothing.
  void hang() const { listen(fd_, 8); }
  [[nodiscard]] server_address address() const { return {"127.0.0.1", port_}; }

private:
  int fd_;
  std::uint16_t port_ = 0;
};

TEST_F(RedisConnectionTest, RefusesSettingsThatLoseData) {
  struct wrong {
    const char* name;
    const char* value;
    const char* text;
    const char* right;
  };
  for (const wrong& one : {
           wrong{"appendfsync", "everysec", "appendfsync is \"everysec\", must be \"always\"",
                 "always"},
           wrong{"appendonly", "no", "appendonly is \"no\", must be \"yes\"", "yes"},
           wrong{"no-appendfsync-on-rewrite", "yes",
                 "no-appendfsync-on-rewrite is \"yes\", must be \"no\"", "no"},
           wrong{"maxmemory-policy", "allkeys-lru", "maxmemory-policy is \"allkeys-lru\"",
                 "noeviction"},
       }) {
    ASSERT_EQ(cli({"CONFIG", "SET", one.name, one.value}), "OK");
    EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, one.text));
    ASSERT_EQ(cli({"CONFIG", "SET", one.name, one.right}), "OK");
  }
  // The file that appendonly yes began anew holds nothing for sure before it is complete.
  auto outcome = open_redis(options_);
  while (!outcome && outcome.error().code == errc::unreachable)
    outcome = open_redis(options_);
  EXPECT_TRUE(outcome) << outcome.error().text;
}

TEST_F(RedisConnectionTest, AnswersNothingWhileTheServerIsToldNotToSync) {
  const auto log = must_open(options_);
  cli({"CONFIG", "SET", "appendfsync", "everysec"});
  EXPECT_TRUE(fails_with(append(*log, 0, 1), errc::unavailable, "appendfsync is \"everysec\""));
  EXPECT_TRUE(fails_with(append(*log, 0, 1), errc::unavailable, "appendfsync is \"everysec\""));
  cli({"CONFIG", "SET", "appendfsync", "always"});
  const std::string before = cli({"INFO", "persistence"});
  EXPECT_TRUE(append(*log, 0, 1));
  // It was there, without a sync: only another write makes Redis sync it.
  EXPECT_NE(append_only_bytes(cli({"INFO", "persistence"})), append_only_bytes(before));
  EXPECT_THAT(numbers(*log, 0), testing::ElementsAre(1));
}

TEST_F(RedisConnectionTest, WaitsForTheRightSettingWhenItWasChangedMeanwhile) {
  const auto log = must_open(options_);
  cli({"CONFIG", "SET", "appendfsync", "no"});
  cli({"CLIENT", "KILL", "TYPE", "normal"});
  EXPECT_FALSE(append(*log, 0, 1)); // the connection is noticed to be broken
  EXPECT_TRUE(fails_with(append(*log, 0, 1), errc::unavailable, "appendfsync is \"no\""));
  cli({"CONFIG", "SET", "appendfsync", "always"});
  EXPECT_TRUE(append(*log, 0, 1));
}

TEST_F(RedisConnectionTest, RefusesAWrongPassword) {
  cli({"ACL", "SETUSER", "default", ">secret"}); // and nopass goes
  EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, "NOAUTH"));
  options_.password = "wrong";
  EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, "WRONGPASS"));
  options_.password = "secret";
  EXPECT_TRUE(open_redis(options_));
  options_.user = "nobody";
  EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, "WRONGPASS"));
}

TEST_F(RedisConnectionTest, SaysWhatAUserIsNotAllowed) {
  cli({"ACL", "SETUSER", "robot", "on", ">pass", "~*", "+@all", "-config"});
  options_.user = "robot";
  options_.password = "pass";
  EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, "+config|get"));
  cli({"ACL", "SETUSER", "robot", "+config|get"});
  EXPECT_TRUE(open_redis(options_));
}

TEST_F(RedisConnectionTest, RefusesAPasswordThatTheServerDoesNotHave) {
  options_.password = "pass";
  EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, "without any password"));
}

TEST_F(RedisConnectionTest, RefusesADatabaseThatIsNotThere) {
  options_.database = 99;
  EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, "DB index is out of range"));
  options_.database = 3;
  ASSERT_TRUE(open_redis(options_));
  EXPECT_EQ(cli({"EXISTS", "t:meta"}), "0"); // it is in database 3
}

TEST_F(RedisConnectionTest, RefusesAReadOnlyReplica) {
  cli({"CONFIG", "SET", "replica-serve-stale-data", "yes"});
  cli({"REPLICAOF", "127.0.0.1", "1"});
  EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option,
                         "is a read-only replica of 127.0.0.1"));
}

TEST_F(RedisConnectionTest, WaitsForAServerThatDoesNotAnswer) {
  const silent_port nobody;
  EXPECT_TRUE(fails_with(open_redis(by_hosts({nobody.address()})), errc::unreachable,
                         "Connection refused"));
  // One host refuses for good, the other may come: wait.
  cli({"CONFIG", "SET", "appendfsync", "no"});
  const auto outcome = open_redis(by_hosts({nobody.address(), tcp_address()}));
  EXPECT_TRUE(fails_with(outcome, errc::unreachable, "Connection refused"));
  EXPECT_TRUE(fails_with(outcome, errc::unreachable, "appendfsync is \"no\""));
}

TEST_F(RedisConnectionTest, TakesTheFirstHostThatWillDo) {
  const silent_port refusing;
  silent_port hanging;
  hanging.hang();
  redis_options options = by_hosts({refusing.address(), hanging.address(), tcp_address()});
  options.connect_timeout = std::chrono::milliseconds(100);
  const auto log = must_open(options);
  EXPECT_THAT(log->description(),
              testing::MatchesRegex("redis [0-9]+\\.[0-9]+\\.[0-9]+ at 127\\.0\\.0\\.1:" +
                                    std::to_string(tcp_address().port)));
  EXPECT_TRUE(append(*log, 0, 1));
}

TEST_F(RedisConnectionTest, DoesNotWaitLongForATlsHandshake) {
  silent_port hanging;
  hanging.hang();
  redis_options options = by_hosts({hanging.address()});
  options.connect_timeout = std::chrono::milliseconds(100);
  options.tls = true;
  EXPECT_TRUE(
      fails_with(open_redis(options), errc::unreachable, "TLS handshake: no answer in time"));
}

TEST_F(RedisConnectionTest, GoesOnAtThePromotedReplica) {
  const redis_process second(directory_.path() / "second");
  redis_options plain;
  plain.socket = second.socket();
  redis_client replica(plain);
  const server_address first = tcp_address();
  const server_address promoted{"127.0.0.1", port_in(replica({"CONFIG", "GET", "port"}))};
  cli({"CONFIG", "SET", "repl-diskless-sync-delay", "0"}); // or it waits for more replicas
  replica({"REPLICAOF", first.host, std::to_string(first.port)});
  const auto log = must_open(by_hosts({first, promoted}));
  ASSERT_TRUE(append(*log, 0, 1));
  while (replica({"XLEN", "t:journal:0"}) != "1") {
  }
  stop();
  EXPECT_FALSE(append(*log, 0, 2)); // the connection is noticed to be broken
  EXPECT_TRUE(fails_with(append(*log, 0, 2), errc::unavailable, "is a read-only replica"));
  replica({"REPLICAOF", "NO", "ONE"});
  // A replica writes a first append-only file after its synchronisation; until then it counts as
  // away.
  while (replica({"INFO", "persistence"}).find("aof_rewrite_in_progress:1") != std::string::npos ||
         replica({"INFO", "persistence"}).find("aof_rewrite_scheduled:1") != std::string::npos) {
  }
  EXPECT_TRUE(append(*log, 0, 2));
  EXPECT_THAT(numbers(*log, 0), testing::ElementsAre(1, 2));
}

TEST_F(RedisConnectionTest, NeedsNoMoreRightsThanAreDocumented) {
  cli({"ACL",         "SETUSER", "journal",    "on",          ">pass",    "~t:*",  "+@connection",
       "+@scripting", "+info",   "+role",      "+config|get", "+exists",  "+get",  "+set",
       "+hget",       "+hset",   "+hmget",     "+hgetall",    "+hincrby", "+hdel", "+rpush",
       "+xadd",       "+xrange", "+xrevrange", "+xlen",       "+xtrim"});
  options_.user = "journal";
  options_.password = "pass";
  const auto log = must_open(options_);
  append_upto(*log, 0, 3);
  cli({"XDEL", "t:journal:0", "2-0"});
  const auto refusal = log->check_against(markers_at(0));
  ASSERT_TRUE(fails_with(refusal, errc::corrupt, "batch 2 is missing"));
  const std::string text = refusal.error().text;
  cli({"HSET", "t:meta", "accept_loss", text.substr(text.find("accept_loss ") + 12, 16)});
  EXPECT_TRUE(log->check_against(markers_at(0)));
  EXPECT_TRUE(log->continue_from(markers_at(0)));
  EXPECT_THAT(numbers(*log, 0), testing::ElementsAre(1, 3));
  EXPECT_TRUE(log->trim(0, 3));
  EXPECT_TRUE(log->last_batch(0));
  EXPECT_TRUE(log->trim(1, 3)); // the first trim had the right
}

} // namespace
} // namespace telemetry::test
