#include "access/key_text.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <sys/random.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>

namespace telemetry::access {

namespace {

constexpr std::string_view base62 =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool is_base62(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char one) {
    return (one >= '0' && one <= '9') || (one >= 'A' && one <= 'Z') || (one >= 'a' && one <= 'z');
  });
}

std::string check_of(std::string_view text) {
  const auto* const bytes = reinterpret_cast<const Bytef*>(text.data());
  auto number = static_cast<std::uint32_t>(crc32(0, bytes, static_cast<uInt>(text.size())));
  std::string check(key_check_bytes, base62.front());
  for (auto place = check.rbegin(); place != check.rend(); ++place, number /= base62.size())
    *place = base62[number % base62.size()];
  return check;
}

/// `count` characters, all equally likely: bytes that would prefer some are dropped.
std::optional<std::string> random_base62(std::size_t count) {
  constexpr unsigned fair_below = 256 / base62.size() * base62.size();
  std::string text;
  while (text.size() < count) {
    std::array<unsigned char, 64> bytes;
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
      return std::nullopt;
    for (const unsigned char one : bytes) {
      if (one < fair_below && text.size() < count)
        text += base62[one % base62.size()];
    }
    OPENSSL_cleanse(bytes.data(), bytes.size());
  }
  return text;
}

/// Fetched once, because a fetch takes longer than the hash.
const EVP_MD* sha256() noexcept {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return fetched;
}

} // namespace

bool is_key_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= key_id_bytes_max &&
         std::all_of(id.begin(), id.end(), [](char one) {
           return (one >= 'a' && one <= 'z') || (one >= '0' && one <= '9') || one == '-';
         });
}

std::optional<key_text> read_key(std::string_view text, key_fault* fault) noexcept {
  const auto refuse = [fault](key_fault why) {
    if (fault != nullptr)
      *fault = why;
    return std::nullopt;
  };
  if (!text.starts_with(key_beginning))
    return refuse(key_fault::malformed);
  const auto dot = text.find('.');
  if (dot == std::string_view::npos)
    return refuse(key_fault::malformed);
  const auto id = text.substr(key_beginning.size(), dot - key_beginning.size());
  const auto secret = text.substr(dot + 1);
  if (!is_key_id(id) || secret.size() != key_secret_bytes + key_check_bytes || !is_base62(secret))
    return refuse(key_fault::malformed);
  const auto unchecked = text.substr(0, text.size() - key_check_bytes);
  if (check_of(unchecked) != text.substr(unchecked.size()))
    return refuse(key_fault::checksum);
  return key_text{id};
}

result<std::string> make_key(std::string_view id) {
  const auto secret = random_base62(key_secret_bytes);
  if (!secret)
    return failure{errc::unavailable, "the kernel gives no random numbers"};
  std::string text(key_beginning);
  text += id;
  text += '.';
  text += *secret;
  return text += check_of(text);
}

key_hash hash_of_key(std::string_view text) noexcept {
  struct context {
    EVP_MD_CTX* const made = EVP_MD_CTX_new();
    ~context() { EVP_MD_CTX_free(made); }
  };
  static thread_local const context kept;
  key_hash hash{};
  unsigned size = hash.size();
  EVP_DigestInit_ex2(kept.made, sha256(), nullptr);
  EVP_DigestUpdate(kept.made, text.data(), text.size());
  EVP_DigestFinal_ex(kept.made, hash.data(), &size);
  return hash;
}

bool are_equal(const key_hash& a, const key_hash& b) noexcept {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace telemetry::access
