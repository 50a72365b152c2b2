#include "net/tls_certificate.hpp"

#include <openssl/asn1.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <array>
#include <ctime>
#include <string_view>

namespace telemetry::net {

namespace {

inline void free_names(GENERAL_NAMES* all) noexcept { GENERAL_NAMES_free(all); }
using names_ptr = std::unique_ptr<GENERAL_NAMES, openssl_deleter<free_names>>;

names_ptr names_of(X509* certificate) {
  return names_ptr(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
}

std::string_view view(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string text_of_address(const ASN1_STRING* bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6;
  const int size = family == AF_INET ? 4 : 16;
  if (ASN1_STRING_length(bytes) != size)
    return "";
  ::inet_ntop(family, ASN1_STRING_get0_data(bytes), text.data(), text.size());
  return text.data();
}

/// A NUL would end the name for a program that compares C strings.
bool is_whole(std::string_view name) { return name.find('\0') == std::string_view::npos; }

std::string hash_of_public_key(X509* certificate) {
  constexpr std::string_view digits = "0123456789abcdef";
  unsigned char* encoded = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(encoded, size < 0 ? 0 : static_cast<std::size_t>(size), hash.data());
  OPENSSL_free(encoded);
  std::string text;
  for (const unsigned char one : hash) {
    text += digits[one >> 4];
    text += digits[one & 15];
  }
  return text;
}

} // namespace

std::string subject_of(X509* certificate) {
  const bio_ptr out(BIO_new(BIO_s_mem()));
  if (!out ||
      X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0)
    return "";
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

std::vector<std::string> identities_of(X509* certificate) {
  std::vector<std::string> all;
  const auto names = names_of(certificate);
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const one = sk_GENERAL_NAME_value(names.get(), i);
    if (one->type == GEN_DNS && is_whole(view(one->d.dNSName)))
      all.push_back("san:dns:" + std::string(view(one->d.dNSName)));
    else if (one->type == GEN_URI && is_whole(view(one->d.uniformResourceIdentifier)))
      all.push_back("san:uri:" + std::string(view(one->d.uniformResourceIdentifier)));
  }
  if (const auto subject = subject_of(certificate); !subject.empty())
    all.push_back("subject:" + subject);
  all.push_back("spki:sha256:" + hash_of_public_key(certificate));
  return all;
}

std::string server_names_of(X509* certificate) {
  std::string all;
  const auto names = names_of(certificate);
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const one = sk_GENERAL_NAME_value(names.get(), i);
    const auto name = one->type == GEN_DNS     ? std::string(view(one->d.dNSName))
                      : one->type == GEN_IPADD ? text_of_address(one->d.iPAddress)
                                               : std::string();
    if (!name.empty())
      all += (all.empty() ? "" : ", ") + name;
  }
  return all.empty() ? subject_of(certificate) : all;
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* field) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(field, &parts) != 1)
    return {};
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

} // namespace telemetry::net
