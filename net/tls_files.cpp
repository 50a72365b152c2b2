#include "net/tls_files.hpp"

#include "access/judged_file.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

namespace telemetry::net {

namespace {

constexpr std::size_t file_bytes_max = 16u << 20; // lists of revoked certificates are large

failure fault(errc code, const std::string& path, const std::string& what) {
  return {code, path + ' ' + what};
}

result<std::string> read_pem(const std::string& path, access::file_judge judge) {
  return access::read_judged_file(path, file_bytes_max, judge);
}

bio_ptr memory_of(const std::string& text) {
  return bio_ptr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Whether the last attempt to read an object ended because the text had no further one.
bool is_at_end() {
  const auto code = ERR_peek_last_error();
  const bool is_end =
      ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  if (is_end)
    ERR_clear_error();
  return is_end;
}

/// The objects of a PEM text, such as certificates, that `read_one` reads.
template <class Pointer, class Read>
result<std::vector<Pointer>> read_objects(const result<std::string>& text, const std::string& path,
                                          const std::string& kind, Read read_one) {
  if (!text)
    return text.error();
  std::vector<Pointer> all;
  const auto in = memory_of(*text);
  ERR_clear_error();
  while (Pointer one{read_one(in.get(), nullptr, nullptr, nullptr)})
    all.push_back(std::move(one));
  if (!is_at_end())
    return fault(errc::malformed, path,
                 "has a damaged " + kind + " as number " + std::to_string(all.size() + 1) + ": " +
                     take_openssl_reason());
  if (all.empty())
    return fault(errc::malformed, path, "has no " + kind + " in PEM (-----BEGIN …-----)");
  return all;
}

/// OpenSSL asks it for the passphrase of a key. Without it OpenSSL would ask on the terminal.
int no_passphrase(char*, int, int, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

} // namespace

result<tls_files> tls_files::from(const config::options& settings) {
  const auto& tls = settings.tls;
  const bool asks_clients = tls.client_certificate != client_certificates::off;
  const auto refused = [](const char* why) { return failure{errc::invalid_option, why}; };
  if (tls.certificate.empty() && (!tls.key.empty() || asks_clients))
    return refused("tls.certificate is not set, so tls.key and tls.client_certificate have no "
                   "effect; set it, or none of the three");
  if (!tls.certificate.empty() && tls.key.empty())
    return refused("tls.key is not set; set it to the file of the private key of tls.certificate");
  if (asks_clients && tls.client_ca.empty())
    return refused("tls.client_ca is not set, so no certificate of a client could be checked; set "
                   "it to the file of the CAs that issue them");
  if (!asks_clients && (!tls.client_ca.empty() || !tls.client_crl.empty()))
    return refused("tls.client_certificate is off, so tls.client_ca and tls.client_crl have no "
                   "effect; set it to optional or required");
  return tls_files{tls.certificate, tls.key, tls.client_ca, tls.client_crl, tls.client_certificate};
}

result<std::vector<x509_ptr>> read_certificates(const std::string& path) {
  return read_objects<x509_ptr>(read_pem(path, access::fault_of_public_file), path, "certificate",
                                PEM_read_bio_X509);
}

result<std::vector<x509_ptr>> read_client_issuers(const std::string& path) {
  return read_objects<x509_ptr>(read_pem(path, access::fault_of_rights_file), path, "certificate",
                                PEM_read_bio_X509);
}

result<std::vector<crl_ptr>> read_revocations(const std::string& path) {
  return read_objects<crl_ptr>(read_pem(path, access::fault_of_rights_file), path,
                               "revocation list", PEM_read_bio_X509_CRL);
}

result<private_key_ptr> read_private_key(const std::string& path) {
  auto read = read_pem(path, access::fault_of_secret_file);
  if (!read)
    return read.error();
  std::string& text = *read;
  bool is_encrypted = false;
  ERR_clear_error();
  private_key_ptr key(
      PEM_read_bio_PrivateKey(memory_of(text).get(), nullptr, no_passphrase, &is_encrypted));
  OPENSSL_cleanse(text.data(), text.size());
  if (is_encrypted)
    return fault(errc::malformed, path,
                 "is encrypted, and telemetryd has no passphrase for it; decrypt it with openssl "
                 "pkey, and let only telemetryd read it");
  if (!key)
    return fault(errc::malformed, path,
                 "has no private key in PEM that OpenSSL can read: " + take_openssl_reason());
  return key;
}

} // namespace telemetry::net
