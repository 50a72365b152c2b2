#pragma once

#include "net/openssl_handles.hpp"

#include <openssl/err.h>

#include <array>
#include <string>
#include <string_view>

namespace telemetry::test {

/// How a client makes its handshake.
struct tls_client_plan {
  int version_min = TLS1_2_VERSION;
  int version_max = TLS1_3_VERSION;
  std::string protocols{}; ///< ALPN, each with its length before it; "": none
  std::string curves{};    ///< "": those of OpenSSL
  X509* certificate = nullptr;
  X509* issuer = nullptr; ///< of the certificate, to send along
  EVP_PKEY* key = nullptr;
};

/// A real client of OpenSSL in memory. What it sends is taken, and what it receives is given.
class tls_client {
public:
  using plan = tls_client_plan;

  explicit tls_client(const plan& how = {}) : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context_.get(), 0); // or it would not offer TLS 1.1
    SSL_CTX_set_min_proto_version(context_.get(), how.version_min);
    SSL_CTX_set_max_proto_version(context_.get(), how.version_max);
    if (!how.protocols.empty())
      SSL_CTX_set_alpn_protos(context_.get(),
                              reinterpret_cast<const unsigned char*>(how.protocols.data()),
                              static_cast<unsigned>(how.protocols.size()));
    if (!how.curves.empty())
      SSL_CTX_set1_groups_list(context_.get(), how.curves.c_str());
    if (how.certificate != nullptr) {
      SSL_CTX_use_certificate(context_.get(), how.certificate);
      SSL_CTX_use_PrivateKey(context_.get(), how.key);
    }
    if (how.issuer != nullptr)
      SSL_CTX_add1_chain_cert(context_.get(), how.issuer);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl_.get()), -1);
    SSL_set_connect_state(ssl_.get());
  }

  /// Goes on with the handshake. @returns whether it has finished on this side.
  bool shake_hands() {
    ERR_clear_error();
    const int outcome = SSL_do_handshake(ssl_.get());
    has_failed_ = outcome != 1 && SSL_get_error(ssl_.get(), outcome) != SSL_ERROR_WANT_READ;
    if (has_failed_)
      fault_ = net::take_openssl_reason();
    return outcome == 1;
  }
  [[nodiscard]] bool has_failed() const { return has_failed_; }
  [[nodiscard]] const std::string& fault() const { return fault_; }

  void receive(std::string_view bytes) {
    if (!bytes.empty())
      BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
  }
  std::string take_output() {
    BIO* const from = SSL_get_wbio(ssl_.get());
    std::string all(BIO_ctrl_pending(from), '\0');
    if (!all.empty())
      BIO_read(from, all.data(), static_cast<int>(all.size()));
    return all;
  }
  void write(std::string_view bytes) {
    ERR_clear_error();
    if (!bytes.empty())
      SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  }
  /// All that can be read now.
  std::string read() {
    std::string all;
    std::array<char, 16'384> piece;
    for (;;) {
      ERR_clear_error();
      const int got = SSL_read(ssl_.get(), piece.data(), static_cast<int>(piece.size()));
      if (got <= 0) {
        last_error_ = SSL_get_error(ssl_.get(), got);
        if (last_error_ == SSL_ERROR_SSL)
          fault_ = net::take_openssl_reason();
        return all;
      }
      all.append(piece.data(), static_cast<std::size_t>(got));
    }
  }
  /// Whether the server has sent close_notify.
  [[nodiscard]] bool has_end() const { return last_error_ == SSL_ERROR_ZERO_RETURN; }
  void end() { SSL_shutdown(ssl_.get()); }

  [[nodiscard]] SSL* native() { return ssl_.get(); }

private:
  net::ssl_context_ptr context_;
  net::ssl_ptr ssl_;
  std::string fault_;
  int last_error_ = SSL_ERROR_NONE;
  bool has_failed_ = false;
};

} // namespace telemetry::test
