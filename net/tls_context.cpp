#include "net/tls_context.hpp"

#include "net/tls_certificate.hpp"
#include "net/tls_trial.hpp"

#include <openssl/err.h>

#include <new>
#include <string_view>

namespace telemetry::net {

namespace {

/// For TLS 1.2. Those of TLS 1.3 are OpenSSL's.
constexpr const char* ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* curves = "X25519:P-256";
constexpr int security_level = 2; // keys of 112 bits and more
constexpr std::size_t client_chain_bytes_max = 32u << 10;
/// Certificates between that of a client and a self-signed one: a chain has three at most.
constexpr int client_issuers_max = 1;

/// Chooses http/1.1. A client that offers others only is told so (no_application_protocol).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  constexpr std::string_view ours = "http/1.1";
  std::string_view list(reinterpret_cast<const char*>(offered), offered_size);
  while (!list.empty()) {
    const auto size = static_cast<std::size_t>(static_cast<unsigned char>(list.front()));
    const auto name = list.substr(1, size);
    if (name == ours) {
      *chosen = reinterpret_cast<const unsigned char*>(name.data());
      *chosen_size = static_cast<unsigned char>(name.size());
      return SSL_TLSEXT_ERR_OK;
    }
    list.remove_prefix(1 + name.size());
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// A context with all settings and no certificate. Throws std::bad_alloc.
ssl_context_ptr new_context() {
  ssl_context_ptr made(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const one = made.get();
  if (one == nullptr)
    throw std::bad_alloc();
  SSL_CTX_set_security_level(one, security_level);
  SSL_CTX_set_min_proto_version(one, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(one, TLS1_3_VERSION);
  if (SSL_CTX_set_cipher_list(one, ciphers) != 1 || SSL_CTX_set1_groups_list(one, curves) != 1)
    throw std::bad_alloc(); // both lists are known to OpenSSL
  SSL_CTX_set_options(one, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(one, 0);
  SSL_CTX_set_session_cache_mode(one, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_early_data(one, 0);
  SSL_CTX_set_mode(one, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(one, choose_protocol, nullptr);
  return made;
}

failure fault(const std::string& path, const std::string& what) {
  return {errc::malformed, path + ' ' + what};
}

/// Each certificate must be issued by the next one, as clients expect it.
result<void> check_chain(const std::vector<x509_ptr>& all, const std::string& path) {
  for (std::size_t i = 1; i < all.size(); ++i) {
    auto* const issuer = all[i].get();
    const bool is_issuer = X509_check_issued(issuer, all[i - 1].get()) == X509_V_OK &&
                           X509_verify(all[i - 1].get(), X509_get0_pubkey(issuer)) == 1;
    if (!is_issuer) {
      ERR_clear_error();
      return fault(path, "has certificate " + std::to_string(i + 1) +
                             ", which did not issue certificate " + std::to_string(i) +
                             "; put the server's certificate first, then each issuer behind the "
                             "certificate that it issued");
    }
  }
  return {};
}

/// Gives `context` the server's own certificate and key.
result<void> use_pair(SSL_CTX* context, const std::vector<x509_ptr>& all, const tls_files& files) {
  ERR_clear_error();
  if (SSL_CTX_use_certificate(context, all.front().get()) != 1)
    return fault(files.certificate, "cannot be used: " + take_openssl_reason());
  for (std::size_t i = 1; i < all.size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, all[i].get()) != 1)
      return fault(files.certificate, "has certificate " + std::to_string(i + 1) +
                                          ", which cannot be used: " + take_openssl_reason());
  const auto key = read_private_key(files.key);
  if (!key)
    return key.error();
  if (X509_check_private_key(all.front().get(), key->get()) != 1) {
    ERR_clear_error();
    return fault(files.key, "is not the key of the first certificate in " + files.certificate +
                                "; set tls.certificate and tls.key to a pair");
  }
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1)
    return fault(files.key, "cannot be used: " + take_openssl_reason());
  return {};
}

result<void> use_revocations(X509_STORE* trusted, const std::string& path) {
  const auto lists = read_revocations(path);
  if (!lists)
    return lists.error();
  for (const auto& one : *lists)
    if (X509_STORE_add_crl(trusted, one.get()) != 1)
      return fault(path, "cannot be used: " + take_openssl_reason());
  X509_STORE_set_flags(trusted, X509_V_FLAG_CRL_CHECK);
  return {};
}

/// Has `context` ask clients for certificates.
result<void> use_client_issuers(SSL_CTX* context, const tls_files& files) {
  if (files.clients == client_certificates::off)
    return {};
  const auto issuers = read_client_issuers(files.client_ca);
  if (!issuers)
    return issuers.error();
  X509_STORE* const trusted = SSL_CTX_get_cert_store(context);
  for (const auto& one : *issuers)
    if (X509_STORE_add_cert(trusted, one.get()) != 1 ||
        SSL_CTX_add_client_CA(context, one.get()) != 1)
      return fault(files.client_ca, "cannot be used: " + take_openssl_reason());
  if (!files.client_crl.empty())
    if (auto used = use_revocations(trusted, files.client_crl); !used)
      return used;
  const bool is_required = files.clients == client_certificates::required;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  SSL_CTX_set_verify_depth(context, client_issuers_max);
  SSL_CTX_set_max_cert_list(context, static_cast<long>(client_chain_bytes_max));
  X509_VERIFY_PARAM_set_purpose(SSL_CTX_get0_param(context), X509_PURPOSE_SSL_CLIENT);
  return {};
}

failure fault_of_dates(const tls_context& made, tls_context::time_point now,
                       const std::string& path) {
  return fault(path, now > made.ends_at() ? "has expired; renew it"
                                          : "is not valid yet; check the clock of this machine");
}

} // namespace

result<std::shared_ptr<const tls_context>> tls_context::load(const tls_files& files, time_point now,
                                                             bool takes_expired) {
  const std::shared_ptr<tls_context> made(new tls_context);
  made->native_ = new_context();
  const auto certificates = read_certificates(files.certificate);
  if (!certificates)
    return certificates.error();
  if (auto checked = check_chain(*certificates, files.certificate); !checked)
    return checked.error();
  if (auto used = use_pair(made->native_.get(), *certificates, files); !used)
    return used.error();
  if (auto used = use_client_issuers(made->native_.get(), files); !used)
    return used.error();
  X509* const own = certificates->front().get();
  made->begins_at_ = time_of(X509_get0_notBefore(own));
  made->ends_at_ = time_of(X509_get0_notAfter(own));
  made->names_ = server_names_of(own);
  if (!takes_expired && !made->is_valid_at(now))
    return fault_of_dates(*made, now, files.certificate);
  if (const auto why = try_handshake(made->native_.get()); !why.empty())
    return fault(files.certificate, "and " + files.key + " fail in a handshake: " + why);
  return std::shared_ptr<const tls_context>(made);
}

ssl_ptr tls_context::new_server() const {
  ssl_ptr made(SSL_new(native_.get()));
  if (!made)
    throw std::bad_alloc();
  SSL_set_accept_state(made.get());
  return made;
}

bool tls_context::trusts(X509* leaf, STACK_OF(X509) * chain) const {
  const x509_store_context_ptr check(X509_STORE_CTX_new());
  if (!check ||
      X509_STORE_CTX_init(check.get(), SSL_CTX_get_cert_store(native_.get()), leaf, chain) != 1)
    return false;
  X509_STORE_CTX_set_default(check.get(), "ssl_client");
  X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(check.get()), SSL_CTX_get0_param(native_.get()));
  const bool is_trusted = X509_verify_cert(check.get()) == 1;
  ERR_clear_error();
  return is_trusted;
}

} // namespace telemetry::net
