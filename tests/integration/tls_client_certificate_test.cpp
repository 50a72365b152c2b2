#include "tests/support/tls_pair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

using test::tls_client;
using test::tls_identity;
using test::tls_pair;
using testing::HasSubstr;

/// A server that asks its clients for certificates of `ca_`.
class TlsClientCertificateTest : public testing::TestWithParam<int> {
protected:
  std::shared_ptr<tls_credentials> ask(client_certificates how, const std::string& revoked = "") {
    tls_files files{.certificate = folder_.write("server.pem", own_.certificate_text()),
                    .key = folder_.write("server.key", own_.key_text()),
                    .client_ca = folder_.write("ca.pem", ca_.certificate_text()),
                    .client_crl = revoked.empty() ? "" : folder_.write("crl.pem", revoked),
                    .clients = how};
    auto made = tls_credentials::load(files, std::chrono::system_clock::now());
    EXPECT_TRUE(made) << made.error().text;
    return *made;
  }
  tls_client::plan with(const tls_identity& one, X509* issuer = nullptr) const {
    return {.version_min = GetParam(),
            .version_max = GetParam(),
            .certificate = one.certificate.get(),
            .issuer = issuer,
            .key = one.key.get()};
  }
  tls_client::plan without() const {
    return {.version_min = GetParam(), .version_max = GetParam()};
  }
  /// Why the server refuses a client.
  std::string refusal(const tls_client::plan& client,
                      const std::shared_ptr<tls_credentials>& by) const {
    tls_pair pair(client, std::string::npos, by);
    (void)pair.open();
    if (pair.outcome == tls_pair::progress::done)
      return "";
    return std::string(pair.server->fault());
  }
  /// A list of the CA with the serial number of `one`.
  std::string list_of_revoked(const tls_identity& one) const {
    const crl_ptr list(X509_CRL_new());
    X509_CRL_set_version(list.get(), 1);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(ca_.certificate.get()));
    ASN1_TIME* const at = X509_gmtime_adj(nullptr, -3'600);
    X509_CRL_set1_lastUpdate(list.get(), at);
    X509_gmtime_adj(at, 86'400);
    X509_CRL_set1_nextUpdate(list.get(), at);
    X509_REVOKED* const entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(one.certificate.get()));
    X509_gmtime_adj(at, -60);
    X509_REVOKED_set_revocationDate(entry, at);
    X509_CRL_add0_revoked(list.get(), entry);
    ASN1_TIME_free(at);
    X509_CRL_sign(list.get(), ca_.key.get(), EVP_sha256());
    const bio_ptr out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509_CRL(out.get(), list.get());
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
  }

  test::file_folder folder_;
  const tls_identity own_ = tls_identity::make({});
  const tls_identity ca_ = tls_identity::make({.name = "ca", .is_issuer = true});
  const tls_identity good_ =
      tls_identity::make({.name = "gw-7", .alternative_names = "DNS:gw-7.example", .issuer = &ca_});
};
INSTANTIATE_TEST_SUITE_P(Versions, TlsClientCertificateTest,
                         testing::Values(TLS1_2_VERSION, TLS1_3_VERSION), [](const auto& one) {
                           return one.param == TLS1_3_VERSION ? "Tls13" : "Tls12";
                         });

TEST_P(TlsClientCertificateTest, TellsTheNamesAndTheEndOfTheCertificate) {
  for (const auto how : {client_certificates::optional, client_certificates::required}) {
    const auto by = ask(how);
    tls_pair pair(with(good_), std::string::npos, by);
    ASSERT_TRUE(pair.open());
    const auto shown = pair.server->certificate();
    ASSERT_TRUE(shown);
    EXPECT_THAT(shown->identities, testing::ElementsAre("san:dns:gw-7.example", "subject:CN=gw-7",
                                                        HasSubstr("spki:sha256:")));
    EXPECT_GT(shown->ends_at, std::chrono::system_clock::now() + std::chrono::hours(23));
    EXPECT_LT(shown->ends_at, std::chrono::system_clock::now() + std::chrono::hours(25));
  }
}

TEST_P(TlsClientCertificateTest, AClientWithoutOneIsNobodyIfItIsOptional) {
  const auto by = ask(client_certificates::optional);
  tls_pair pair(without(), std::string::npos, by);
  ASSERT_TRUE(pair.open());
  EXPECT_FALSE(pair.server->certificate());
}

TEST_P(TlsClientCertificateTest, AClientWithoutOneIsRefusedIfItIsRequired) {
  EXPECT_THAT(refusal(without(), ask(client_certificates::required)),
              HasSubstr("did not return a certificate"));
}

TEST_P(TlsClientCertificateTest, IsNotAskedForByDefault) {
  const auto by = ask(client_certificates::off);
  tls_pair pair(with(good_), std::string::npos, by);
  ASSERT_TRUE(pair.open());
  EXPECT_FALSE(pair.server->certificate());
}

TEST_P(TlsClientCertificateTest, RefusesABadOneEvenIfItIsOptional) {
  const auto by = ask(client_certificates::optional);
  const auto stranger = tls_identity::make({.name = "ca", .is_issuer = true});
  EXPECT_THAT(refusal(with(tls_identity::make({.issuer = &stranger})), by),
              HasSubstr("certificate verify failed"));
  EXPECT_THAT(refusal(with(tls_identity::make({})), by), HasSubstr("certificate verify failed"));
  const auto expired = tls_identity::make({.issuer = &ca_, .ends_in_seconds = -60});
  EXPECT_THAT(refusal(with(expired), by), HasSubstr("certificate verify failed"));
  const auto of_a_server = tls_identity::make({.issuer = &ca_, .purpose = "serverAuth"});
  EXPECT_THAT(refusal(with(of_a_server), by), HasSubstr("certificate verify failed"));
  const auto of_a_client = tls_identity::make({.issuer = &ca_, .purpose = "clientAuth"});
  EXPECT_EQ(refusal(with(of_a_client), by), "");
}

TEST_P(TlsClientCertificateTest, AChainHasAtMostThree) {
  const auto by = ask(client_certificates::required);
  const auto middle = tls_identity::make({.name = "middle", .issuer = &ca_, .is_issuer = true});
  const auto third = tls_identity::make({.issuer = &middle});
  EXPECT_EQ(refusal(with(third, middle.certificate.get()), by), "");
  const auto lower = tls_identity::make({.name = "lower", .issuer = &middle, .is_issuer = true});
  const auto fourth = tls_identity::make({.issuer = &lower});
  auto client = with(fourth, lower.certificate.get());
  tls_pair pair(client, std::string::npos, by);
  EXPECT_THAT(refusal(client, by), HasSubstr("certificate verify failed"));
}

TEST_P(TlsClientCertificateTest, ARevokedOneIsRefused) {
  const auto other = tls_identity::make({.issuer = &ca_});
  const auto by = ask(client_certificates::required, list_of_revoked(other));
  EXPECT_THAT(refusal(with(other), by), HasSubstr("certificate verify failed"));
  EXPECT_EQ(refusal(with(good_), by), "");
}

TEST_P(TlsClientCertificateTest, ALargeOneIsRefused) {
  std::string names = "DNS:a.example";
  for (int i = 0; i < 3'000; ++i)
    names += ",DNS:name-" + std::to_string(i) + ".example";
  const auto large = tls_identity::make({.alternative_names = names, .issuer = &ca_});
  ASSERT_GT(large.certificate_text().size(), 48u << 10);
  EXPECT_THAT(refusal(with(large), ask(client_certificates::required)),
              HasSubstr("excessive message size"));
}

TEST_P(TlsClientCertificateTest, AReloadAppliesToOpenConnections) {
  const auto other = tls_identity::make({.issuer = &ca_});
  const auto by = ask(client_certificates::required, list_of_revoked(other));
  tls_pair pair(with(good_), std::string::npos, by);
  ASSERT_TRUE(pair.open());
  ASSERT_TRUE(by->reload(std::chrono::system_clock::now()));
  EXPECT_TRUE(pair.server->certificate()) << "its CA is still there";
  folder_.write("crl.pem", list_of_revoked(good_));
  EXPECT_TRUE(pair.server->certificate()) << "nobody has read the file";
  ASSERT_TRUE(by->reload(std::chrono::system_clock::now()));
  EXPECT_FALSE(pair.server->certificate());
  EXPECT_FALSE(pair.server->certificate()) << "whenever it is asked";
  folder_.write("crl.pem", list_of_revoked(other));
  ASSERT_TRUE(by->reload(std::chrono::system_clock::now()));
  EXPECT_TRUE(pair.server->certificate());
}

TEST_P(TlsClientCertificateTest, AReloadKeepsChainsOfThree) {
  const auto by = ask(client_certificates::required);
  const auto middle = tls_identity::make({.name = "middle", .issuer = &ca_, .is_issuer = true});
  const auto third = tls_identity::make({.issuer = &middle});
  tls_pair pair(with(third, middle.certificate.get()), std::string::npos, by);
  ASSERT_TRUE(pair.open());
  ASSERT_TRUE(by->reload(std::chrono::system_clock::now()));
  EXPECT_TRUE(pair.server->certificate()) << "the client has sent the certificate in the middle";
}

} // namespace
} // namespace telemetry::net
