#pragma once

#include "net/openssl_handles.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace telemetry::test {

using net::private_key_ptr;
using net::x509_ptr;

inline void require_openssl(bool succeeded) {
  if (!succeeded)
    throw std::runtime_error(net::take_openssl_reason());
}

inline std::string pem_of(X509* certificate) {
  const net::bio_ptr out(BIO_new(BIO_s_mem()));
  require_openssl(PEM_write_bio_X509(out.get(), certificate) == 1);
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

inline std::string pem_of(EVP_PKEY* key, const char* passphrase = nullptr) {
  const net::bio_ptr out(BIO_new(BIO_s_mem()));
  require_openssl(PEM_write_bio_PKCS8PrivateKey(
                      out.get(), key, passphrase ? EVP_aes_128_cbc() : nullptr, passphrase,
                      passphrase ? static_cast<int>(std::char_traits<char>::length(passphrase)) : 0,
                      nullptr, nullptr) == 1);
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

/// A certificate and its key, made for a test.
struct tls_identity {
  struct plan {
    std::string name = "server";
    std::string alternative_names = "DNS:localhost,IP:127.0.0.1"; ///< "": none
    const tls_identity* issuer = nullptr;                         ///< nullptr: it signs itself
    bool is_issuer = false;                                       ///< may sign others
    long begins_in_seconds = -3'600;
    long ends_in_seconds = 86'400;
    std::string purpose{}; ///< e.g. "clientAuth"; "": any
    int rsa_bits = 0;      ///< 0: a key of P-256
  };

  static tls_identity make(const plan& how) {
    tls_identity made;
    made.key.reset(how.rsa_bits > 0 ? EVP_RSA_gen(static_cast<unsigned>(how.rsa_bits))
                                    : EVP_EC_gen("P-256"));
    made.certificate.reset(X509_new());
    require_openssl(made.key && made.certificate);
    made.fill(how);
    return made;
  }

  [[nodiscard]] std::string certificate_text() const { return pem_of(certificate.get()); }
  [[nodiscard]] std::string key_text() const { return pem_of(key.get()); }

  private_key_ptr key;
  x509_ptr certificate;

private:
  void fill(const plan& how) {
    static std::atomic<long> serial{1};
    X509* const one = certificate.get();
    X509_set_version(one, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(one), serial++);
    X509_gmtime_adj(X509_getm_notBefore(one), how.begins_in_seconds);
    X509_gmtime_adj(X509_getm_notAfter(one), how.ends_in_seconds);
    X509_set_pubkey(one, key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(one), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(how.name.c_str()), -1, -1, 0);
    const auto& by = how.issuer ? *how.issuer : *this;
    X509_set_issuer_name(one, X509_get_subject_name(by.certificate.get()));
    extend(NID_basic_constraints, how.is_issuer ? "critical,CA:TRUE" : "CA:FALSE");
    if (!how.alternative_names.empty())
      extend(NID_subject_alt_name, how.alternative_names);
    if (!how.purpose.empty())
      extend(NID_ext_key_usage, how.purpose);
    require_openssl(X509_sign(one, by.key.get(), EVP_sha256()) > 0);
  }

  void extend(int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate.get(), certificate.get(), nullptr, nullptr, 0);
    X509_EXTENSION* const one = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    require_openssl(one != nullptr && X509_add_ext(certificate.get(), one, -1) == 1);
    X509_EXTENSION_free(one);
  }
};

/// A directory with files, which are removed with it.
class file_folder {
public:
  file_folder() {
    std::string name = "/tmp/telemetry_tls_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~file_folder() { std::filesystem::remove_all(path_); }
  file_folder(const file_folder&) = delete;
  file_folder& operator=(const file_folder&) = delete;

  /// @returns its path.
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const auto path = (path_ / name).string();
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }

private:
  std::filesystem::path path_;
};

} // namespace telemetry::test
