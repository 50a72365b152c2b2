#include "net/tls_files.hpp"

#include "access/keys_file.hpp"
#include "net/descriptor.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace telemetry::net {

namespace {

constexpr std::size_t file_bytes_max = 16u << 20; // lists of revoked certificates are large

failure fault(errc code, const std::string& path, const std::string& what) {
  return {code, path + ' ' + what};
}

/// Why a file with this state may not hold a private key; "" if it may.
std::string fault_of_key_file(const struct stat& state) {
  if (!S_ISREG(state.st_mode))
    return "is no regular file";
  if (state.st_uid != 0 && state.st_uid != ::geteuid())
    return "belongs to another user than root and the one of telemetryd; chown it";
  if ((state.st_mode & S_IROTH) != 0)
    return "can be read by every user of this machine; chmod o-r it, and use another key if the "
           "machine has other users";
  if ((state.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return "can be written by others; chmod go-w it";
  return "";
}

/// Why a file with this state may not hold certificates, which are public; "" if it may.
std::string fault_of_public_file(const struct stat& state) {
  return S_ISREG(state.st_mode) ? "" : "is no regular file";
}

result<std::string> read_all(int file, const std::string& path) {
  std::string text;
  std::array<char, 64u << 10> piece;
  for (;;) {
    const auto got = ::read(file, piece.data(), piece.size());
    if (got < 0 && errno != EINTR)
      return fault(errc::unavailable, path, std::string("cannot be read: ") + std::strerror(errno));
    if (got > 0)
      text.append(piece.data(), static_cast<std::size_t>(got));
    OPENSSL_cleanse(piece.data(), piece.size());
    if (text.size() > file_bytes_max)
      return fault(errc::malformed, path, "has more than 16 MiB");
    if (got == 0)
      return text;
  }
}

/// The state of the open file decides, because a path may name another file a moment later.
result<std::string> read_file(const std::string& path, std::string (*judge)(const struct stat&)) {
  const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)); // for a FIFO
  if (!file)
    return fault(errc::unavailable, path, std::string("cannot be opened: ") + std::strerror(errno));
  struct stat state {};
  if (::fstat(file.get(), &state) < 0)
    return fault(errc::unavailable, path, std::string("cannot be read: ") + std::strerror(errno));
  if (const auto why = judge(state); !why.empty())
    return fault(errc::invalid_option, path, why);
  return read_all(file.get(), path);
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

result<std::string> read_rights(const std::string& path) {
  return access::read_rights_file(path, file_bytes_max);
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
  return read_objects<x509_ptr>(read_file(path, fault_of_public_file), path, "certificate",
                                PEM_read_bio_X509);
}

result<std::vector<x509_ptr>> read_client_issuers(const std::string& path) {
  return read_objects<x509_ptr>(read_rights(path), path, "certificate", PEM_read_bio_X509);
}

result<std::vector<crl_ptr>> read_revocations(const std::string& path) {
  return read_objects<crl_ptr>(read_rights(path), path, "revocation list", PEM_read_bio_X509_CRL);
}

result<private_key_ptr> read_private_key(const std::string& path) {
  auto read = read_file(path, fault_of_key_file);
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
