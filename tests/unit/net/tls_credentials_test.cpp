#include "config/options.hpp"
#include "net/tls_credentials.hpp"
#include "tests/support/tls_identity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

using test::tls_identity;
using namespace std::chrono_literals;

TEST(TlsFilesTest, SettingsBelongTogether) {
  config::options settings;
  const auto fault = [&settings] {
    const auto files = tls_files::from(settings);
    return files ? "" : files.error().text;
  };
  EXPECT_EQ(fault(), "") << "there is no TLS listener";
  settings.tls.key = "key";
  EXPECT_THAT(fault(), testing::HasSubstr("tls.certificate is not set"));
  settings.tls.certificate = "certificate";
  EXPECT_EQ(fault(), "");
  settings.tls.key = "";
  EXPECT_THAT(fault(), testing::HasSubstr("tls.key is not set"));
  settings.tls.key = "key";
  settings.tls.client_crl = "crl";
  EXPECT_THAT(fault(), testing::HasSubstr("tls.client_certificate is off"));
  settings.tls.client_certificate = client_certificates::optional;
  EXPECT_THAT(fault(), testing::HasSubstr("tls.client_ca is not set"));
  settings.tls.client_ca = "ca";
  EXPECT_EQ(fault(), "");
}

class TlsCredentialsTest : public testing::Test {
protected:
  void write(const std::string& name, long ends_in_seconds = 86'400) {
    const auto own = tls_identity::make(
        {.alternative_names = "DNS:" + name, .ends_in_seconds = ends_in_seconds});
    files_.certificate = folder_.write("server.pem", own.certificate_text());
    files_.key = folder_.write("server.key", own.key_text());
  }
  std::shared_ptr<tls_credentials> load() {
    auto loaded = tls_credentials::load(files_, now_);
    EXPECT_TRUE(loaded) << loaded.error().text;
    return *loaded;
  }

  test::file_folder folder_;
  tls_files files_;
  const tls_credentials::time_point now_ = std::chrono::system_clock::now();
};

TEST_F(TlsCredentialsTest, AReloadTakesTheNewPair) {
  write("old.example");
  const auto pair = load();
  const auto old = pair->current();
  write("new.example");
  EXPECT_TRUE(pair->reload(now_));
  EXPECT_EQ(pair->current()->names(), "new.example");
  EXPECT_EQ(old->names(), "old.example") << "connections may still use it";
}

TEST_F(TlsCredentialsTest, KeepsTheOldPairIfTheNewOneIsNotWhole) {
  write("old.example");
  const auto pair = load();
  const auto old = pair->current();
  folder_.write("server.key", tls_identity::make({}).key_text());
  EXPECT_FALSE(pair->reload(now_)) << "half of a pair";
  folder_.write("server.pem", "");
  EXPECT_FALSE(pair->reload(now_));
  write("new.example", -60);
  const auto expired = pair->reload(now_);
  ASSERT_FALSE(expired);
  EXPECT_THAT(expired.error().text, testing::HasSubstr("has expired"));
  EXPECT_EQ(pair->current(), old);
}

TEST_F(TlsCredentialsTest, AnExpiredPairIsTakenAtStart) {
  write("old.example", -60);
  EXPECT_FALSE(load()->current()->is_valid_at(now_));
}

TEST(ExpiryWarningsTest, AreDueOnceBeforeEachOfFourTimesAndAtTheEnd) {
  expiry_warnings warnings;
  const expiry_warnings::time_point end{100 * 24h};
  const auto due = [&](auto before) { return warnings.due(end, end - before).has_value(); };
  EXPECT_FALSE(due(22 * 24h));
  EXPECT_TRUE(due(21 * 24h));
  EXPECT_FALSE(due(20 * 24h));
  EXPECT_TRUE(due(7 * 24h));
  EXPECT_FALSE(due(4 * 24h));
  EXPECT_TRUE(due(3 * 24h));
  EXPECT_TRUE(due(24h));
  EXPECT_FALSE(due(1h));
  EXPECT_TRUE(due(0h));
  EXPECT_FALSE(due(-1h));
}

TEST(ExpiryWarningsTest, TellHowLongACertificateIsValid) {
  expiry_warnings warnings;
  const expiry_warnings::time_point end{100 * 24h};
  EXPECT_EQ(warnings.due(end, end - 40h), 40h) << "several are due at a start";
  EXPECT_EQ(warnings.due(end, end - 39h), std::nullopt);
}

TEST(ExpiryWarningsTest, BeginAnewWithAnotherCertificate) {
  expiry_warnings warnings;
  const expiry_warnings::time_point end{100 * 24h};
  EXPECT_TRUE(warnings.due(end, end - 1h));
  EXPECT_FALSE(warnings.due(end + 90 * 24h, end));
  EXPECT_TRUE(warnings.due(end + 90 * 24h, end + 80 * 24h));
}

} // namespace
} // namespace telemetry::net
