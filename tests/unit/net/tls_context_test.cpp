#include "net/tls_certificate.hpp"
#include "net/tls_context.hpp"
#include "tests/support/tls_identity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>

namespace telemetry::net {
namespace {

using test::tls_identity;
using testing::AllOf;
using testing::HasSubstr;
using namespace std::chrono_literals;

/// A pair of files, which a test may replace.
class TlsContextTest : public testing::Test {
protected:
  void use(const tls_identity& own, const std::string& further = "") {
    files_.certificate = folder_.write("server.pem", own.certificate_text() + further);
    files_.key = folder_.write("server.key", own.key_text());
  }
  result<std::shared_ptr<const tls_context>> load(bool takes_expired = false) {
    return tls_context::load(files_, now_, takes_expired);
  }
  std::string fault() {
    const auto loaded = load();
    return loaded ? "" : loaded.error().text;
  }

  test::file_folder folder_;
  tls_files files_;
  const tls_context::time_point now_ = std::chrono::system_clock::now();
};

TEST_F(TlsContextTest, TellsNamesAndTimesOfTheCertificate) {
  use(tls_identity::make({.alternative_names = "DNS:a.example,DNS:*.b.example,IP:10.0.0.1,IP:::1",
                          .ends_in_seconds = 3'600}));
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ((*loaded)->names(), "a.example, *.b.example, 10.0.0.1, ::1");
  EXPECT_LT((*loaded)->begins_at(), now_ - 59min);
  EXPECT_GT((*loaded)->ends_at(), now_ + 59min);
  EXPECT_LT((*loaded)->ends_at(), now_ + 61min);
}

TEST_F(TlsContextTest, ACertificateWithoutNamesIsNamedByItsSubject) {
  use(tls_identity::make({.name = "gateway", .alternative_names = ""}));
  EXPECT_EQ((*load())->names(), "CN=gateway");
}

TEST_F(TlsContextTest, TakesKeysOfRsaToo) {
  use(tls_identity::make({.rsa_bits = 2'048}));
  EXPECT_EQ(fault(), "");
}

TEST_F(TlsContextTest, RefusesAWeakKey) {
  use(tls_identity::make({.rsa_bits = 1'024}));
  EXPECT_THAT(fault(), AllOf(HasSubstr("server.pem"), HasSubstr("key too small")));
}

TEST_F(TlsContextTest, RefusesAKeyOfAnotherCertificate) {
  use(tls_identity::make({}));
  files_.key = folder_.write("server.key", tls_identity::make({}).key_text());
  EXPECT_THAT(fault(), AllOf(HasSubstr("server.key is not the key"), HasSubstr("server.pem"),
                             HasSubstr("set tls.certificate and tls.key to a pair")));
}

TEST_F(TlsContextTest, RefusesAKeyThatOthersCanRead) {
  const auto own = tls_identity::make({});
  for (const mode_t good : {0600u, 0400u, 0640u}) {
    use(own);
    folder_.write("server.key", own.key_text(), good);
    EXPECT_EQ(fault(), "") << std::oct << good;
  }
  folder_.write("server.key", own.key_text(), 0644);
  EXPECT_THAT(fault(),
              AllOf(HasSubstr("server.key can be read by every user"), HasSubstr("chmod o-r")));
  folder_.write("server.key", own.key_text(), 0660);
  EXPECT_THAT(fault(), HasSubstr("can be written by others"));
}

TEST_F(TlsContextTest, RefusesAKeyOfAnotherUser) {
  if (::geteuid() != 0)
    return; // only root can give a file away
  use(tls_identity::make({}));
  ASSERT_EQ(::chown(files_.key.c_str(), 12'345, 0), 0);
  EXPECT_THAT(fault(), HasSubstr("belongs to another user"));
}

TEST_F(TlsContextTest, RefusesWhatIsNoFile) {
  use(tls_identity::make({}));
  files_.key = folder_.path("");
  EXPECT_THAT(fault(), HasSubstr("is no regular file"));
  files_.key = folder_.path("missing");
  EXPECT_THAT(fault(), AllOf(HasSubstr("missing cannot be opened"), HasSubstr("No such file")));
  use(tls_identity::make({}));
  files_.certificate = folder_.path("missing");
  EXPECT_THAT(fault(), HasSubstr("missing cannot be opened"));
}

TEST_F(TlsContextTest, RefusesAnEncryptedKeyWithoutAsking) {
  const auto own = tls_identity::make({});
  use(own);
  folder_.write("server.key", test::pem_of(own.key.get(), "secret"));
  EXPECT_THAT(fault(), AllOf(HasSubstr("server.key is encrypted"), HasSubstr("openssl pkey")));
}

TEST_F(TlsContextTest, RefusesDamagedFiles) {
  const auto own = tls_identity::make({});
  use(own);
  auto text = own.certificate_text();
  folder_.write("server.pem", "");
  EXPECT_THAT(fault(), HasSubstr("server.pem has no certificate in PEM"));
  text[100] = text[100] == 'A' ? 'B' : 'A';
  folder_.write("server.pem", own.certificate_text() + text.substr(0, text.size() / 2));
  EXPECT_THAT(fault(), HasSubstr("has a damaged certificate as number 2"));
  use(own);
  folder_.write("server.key", own.certificate_text());
  EXPECT_THAT(fault(), HasSubstr("server.key has no private key in PEM"));
}

TEST_F(TlsContextTest, ChecksThatEachCertificateIsIssuedByTheNext) {
  const auto root = tls_identity::make({.name = "root", .is_issuer = true});
  const auto middle = tls_identity::make({.name = "middle", .issuer = &root, .is_issuer = true});
  const auto own = tls_identity::make({.issuer = &middle});
  use(own, middle.certificate_text() + root.certificate_text());
  EXPECT_EQ(fault(), "");
  use(own, root.certificate_text() + middle.certificate_text());
  EXPECT_THAT(fault(), HasSubstr("has certificate 2, which did not issue certificate 1"));
  const auto impostor = tls_identity::make({.name = "middle", .is_issuer = true});
  use(own, impostor.certificate_text());
  EXPECT_THAT(fault(), HasSubstr("did not issue certificate 1")) << "the same name, another key";
}

TEST_F(TlsContextTest, RefusesACertificateOutsideItsTimesUnlessToldToTakeIt) {
  use(tls_identity::make({.ends_in_seconds = -60}));
  EXPECT_THAT(fault(), HasSubstr("server.pem has expired; renew it"));
  ASSERT_TRUE(load(true));
  EXPECT_FALSE((*load(true))->is_valid_at(now_));
  use(tls_identity::make({.begins_in_seconds = 60}));
  EXPECT_THAT(fault(), HasSubstr("is not valid yet; check the clock"));
}

TEST_F(TlsContextTest, ClientIssuersMustBelongToTheServer) {
  const auto own = tls_identity::make({});
  use(own);
  files_.clients = client_certificates::required;
  files_.client_ca = folder_.write("ca.pem", own.certificate_text());
  EXPECT_EQ(fault(), "");
  folder_.write("ca.pem", own.certificate_text(), 0666);
  EXPECT_THAT(fault(), HasSubstr("ca.pem can be written by others"));
  files_.client_ca = folder_.path("missing");
  EXPECT_THAT(fault(), HasSubstr("missing"));
}

TEST_F(TlsContextTest, RefusesADamagedListOfRevocations) {
  const auto own = tls_identity::make({});
  use(own);
  files_.clients = client_certificates::optional;
  files_.client_ca = folder_.write("ca.pem", own.certificate_text());
  files_.client_crl = folder_.write("crl.pem", own.certificate_text());
  EXPECT_THAT(fault(), HasSubstr("crl.pem has no revocation list in PEM"));
}

TEST(TlsCertificateTest, TellsIdentitiesInTheFormsOfKeys) {
  const auto one = tls_identity::make(
      {.name = "gw, 7",
       .alternative_names =
           "DNS:gw-7.example,URI:spiffe://fleet/gw-7,email:x@example,IP:10.0.0.1"});
  const auto all = identities_of(one.certificate.get());
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0], "san:dns:gw-7.example");
  EXPECT_EQ(all[1], "san:uri:spiffe://fleet/gw-7");
  EXPECT_EQ(all[2], "subject:CN=gw\\, 7");
  EXPECT_THAT(all[3], testing::MatchesRegex("spki:sha256:[0-9a-f]{64}"));
  EXPECT_NE(all[3], identities_of(tls_identity::make({}).certificate.get())[2]);
}

TEST(TlsCertificateTest, LeavesOutANameWithANul) {
  auto one = tls_identity::make({.alternative_names = ""});
  GENERAL_NAMES* const names = GENERAL_NAMES_new();
  GENERAL_NAME* const name = GENERAL_NAME_new();
  ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
  ASN1_STRING_set(text, "good.example\0.evil", 18);
  GENERAL_NAME_set0_value(name, GEN_DNS, text);
  sk_GENERAL_NAME_push(names, name);
  X509_add1_ext_i2d(one.certificate.get(), NID_subject_alt_name, names, 0, 0);
  GENERAL_NAMES_free(names);
  EXPECT_THAT(identities_of(one.certificate.get()),
              testing::ElementsAre("subject:CN=server", HasSubstr("spki:")));
}

} // namespace
} // namespace telemetry::net
