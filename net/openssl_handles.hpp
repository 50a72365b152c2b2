#pragma once

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace telemetry::net {

/// Frees an object of OpenSSL.
template <auto Free>
struct openssl_deleter {
  template <class Object>
  void operator()(Object* one) const noexcept {
    Free(one);
  }
};

inline void free_certificates(STACK_OF(X509) * all) noexcept { sk_X509_pop_free(all, X509_free); }

using bio_ptr = std::unique_ptr<BIO, openssl_deleter<BIO_free>>;
using ssl_ptr = std::unique_ptr<SSL, openssl_deleter<SSL_free>>;
using ssl_context_ptr = std::unique_ptr<SSL_CTX, openssl_deleter<SSL_CTX_free>>;
using x509_ptr = std::unique_ptr<X509, openssl_deleter<X509_free>>;
using x509_stack_ptr = std::unique_ptr<STACK_OF(X509), openssl_deleter<free_certificates>>;
using x509_store_context_ptr =
    std::unique_ptr<X509_STORE_CTX, openssl_deleter<X509_STORE_CTX_free>>;
using crl_ptr = std::unique_ptr<X509_CRL, openssl_deleter<X509_CRL_free>>;
using private_key_ptr = std::unique_ptr<EVP_PKEY, openssl_deleter<EVP_PKEY_free>>;

/// The reason of the latest failure of OpenSSL on this thread, and forgets it.
[[nodiscard]] std::string take_openssl_reason();

} // namespace telemetry::net
