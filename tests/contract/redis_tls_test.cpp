// Redis over TLS: who is believed, and what is said of the others.
#include "tests/contract/redis_fixture.hpp"

#include <cstdlib>

namespace telemetry::test {
namespace {

class RedisTlsTest : public testing::Test {
protected:
  RedisTlsTest() {
    const std::string command = "/usr/bin/python3 " TELEMETRY_SOURCE_DIR
                                "/tests/support/certificates.py " +
                                directory_.path().string();
    if (std::system(command.c_str()) != 0)
      throw std::runtime_error("no certificates");
  }

  /// A server that shows the certificate of `name`; its clients need none unless `more` asks.
  void start(const std::string& name, const std::vector<std::string>& more = {}) {
    std::vector<std::string> settings{
        "tls-cert-file",    file(name + ".pem"), "tls-key-file",     file(name + ".key"),
        "tls-ca-cert-file", file("ca.pem"),      "tls-auth-clients", "no"};
    settings.insert(settings.end(), more.begin(), more.end());
    server_.emplace(directory_.path() / "server", settings);
    plain_.socket = server_->socket();
    options_.hosts = {{"127.0.0.1", port("tls-port")}};
    options_.tls = true;
    options_.tls_ca = file("ca.pem");
    options_.prefix = "t";
  }
  [[nodiscard]] std::string file(const std::string& name) const {
    return (directory_.path() / name).string();
  }
  [[nodiscard]] std::uint16_t port(std::string_view setting) {
    const std::string answer = cli({"CONFIG", "GET", setting});
    return static_cast<std::uint16_t>(std::stoi(answer.substr(setting.size() + 1)));
  }
  std::string cli(std::initializer_list<std::string_view> arguments) {
    return redis_client(plain_)(arguments);
  }

  temporary_directory directory_;
  std::optional<redis_process> server_;
  redis_options plain_;   ///< its unix socket
  redis_options options_; ///< its port for TLS
};

TEST_F(RedisTlsTest, CarriesAJournal) {
  start("server");
  const auto log = must_open(options_);
  EXPECT_THAT(cli({"CLIENT", "LIST", "TYPE", "NORMAL"}),
              testing::HasSubstr("laddr=127.0.0.1:" + std::to_string(options_.hosts[0].port)));
  std::string large(3u << 20, 'x'); // more than one record, one piece and one read
  for (std::size_t i = 0; i < large.size(); ++i)
    large[i] = static_cast<char>(i * 31 + i / 251);
  ASSERT_TRUE(append(*log, 0, 1, "small"));
  ASSERT_TRUE(append(*log, 0, 2, large));
  EXPECT_THAT(replayed(*log, 0),
              testing::ElementsAre(testing::Pair(1, "small"), testing::Pair(2, large)));
}

TEST_F(RedisTlsTest, ConnectsAgain) {
  start("server");
  const auto log = must_open(options_);
  ASSERT_TRUE(append(*log, 0, 1));
  cli({"CLIENT", "KILL", "TYPE", "normal"});
  EXPECT_TRUE(fails_with(append(*log, 0, 2), errc::unavailable, "connection lost"));
  EXPECT_TRUE(append(*log, 0, 2));
  EXPECT_THAT(numbers(*log, 0), testing::ElementsAre(1, 2));
}

TEST_F(RedisTlsTest, ChecksTheNameOfTheHost) {
  start("server");
  options_.hosts[0].host = "localhost";
  EXPECT_TRUE(open_redis(options_));
}

TEST_F(RedisTlsTest, RefusesACertificateOfAnotherHost) {
  start("stranger");
  EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, "IP address mismatch"));
  options_.hosts[0].host = "localhost";
  EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, "hostname mismatch"));
}

TEST_F(RedisTlsTest, RefusesACertificateOfAnotherAuthority) {
  start("server");
  options_.tls_ca = file("other.pem");
  EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, "certificate is refused"));
  options_.tls_ca.clear(); // those of the system do not know it either
  EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, "certificate is refused"));
}

TEST_F(RedisTlsTest, RefusesAFileWithoutCertificates) {
  start("server");
  for (const char* const name : {"missing.pem", "ca.key"}) {
    options_.tls_ca = file(name);
    EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, name));
  }
}

TEST_F(RedisTlsTest, RefusesAServerWithoutTls) {
  start("server");
  options_.hosts[0].port = port("port");
  options_.connect_timeout = std::chrono::milliseconds(200);
  EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, "speaks no TLS"));
}

TEST_F(RedisTlsTest, RefusesAnOldProtocol) {
  start("server", {"tls-protocols", "TLSv1.1"});
  EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, "TLS handshake: "));
}

TEST_F(RedisTlsTest, SaysThatTheServerAsksForACertificate) {
  start("server", {"tls-auth-clients", "yes"});
  EXPECT_TRUE(fails_with(open_redis(options_), errc::invalid_option, "tls-auth-clients"));
}

TEST_F(RedisTlsTest, GoesOnAtTheNextHostThatCanBeTrusted) {
  start("server");
  options_.hosts.insert(options_.hosts.begin(), {"127.0.0.1", port("port")});
  options_.connect_timeout = std::chrono::milliseconds(200);
  EXPECT_TRUE(open_redis(options_));
}

} // namespace
} // namespace telemetry::test
