#include "storage/redis/redis_tls.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <system_error>

namespace telemetry::redis {
namespace {

constexpr const char* closed_text = "closed by the server";
/// Plain bytes that are encrypted at a time, to limit the memory for a large batch.
constexpr std::size_t piece_bytes = 64u << 10;
/// A TLS record has at most 16 KiB.
constexpr std::size_t socket_read_bytes = 16u << 10;

struct free_context {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
using context_ptr = std::unique_ptr<SSL_CTX, free_context>;

/// Why the last call of OpenSSL on this thread failed.
std::string last_reason() {
  const char* const text = ERR_reason_error_string(ERR_peek_last_error());
  return text == nullptr ? "unknown error" : text;
}

/// The failure for the SSL error `error` on an established connection.
failure lost_session(int error) {
  if (error == SSL_ERROR_ZERO_RETURN)
    return {errc::unavailable, closed_text};
  if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED)
    return {errc::invalid_option,
            "the server wants a certificate of its clients: set its tls-auth-clients to no"};
  return {errc::unavailable, "TLS: " + last_reason()};
}

failure lost_socket() {
  const int error = errno;
  if (error == EAGAIN || error == EWOULDBLOCK)
    return {errc::unavailable, "no answer in time"};
  return {errc::unavailable, std::generic_category().message(error)};
}

/// The TLS context of a connection. Reads the CA file again for each, because it may be replaced.
result<context_ptr> make_context(const redis_options& options) {
  ERR_clear_error();
  context_ptr context(SSL_CTX_new(TLS_client_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1)
    return failure{errc::unreachable, "TLS cannot be set up: " + last_reason()};
  const std::string& file = options.tls_ca;
  const int loaded = file.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                  : SSL_CTX_load_verify_file(context.get(), file.c_str());
  if (loaded != 1)
    return failure{errc::invalid_option,
                   "redis.tls_ca: cannot read certificates from " + file + ": " + last_reason()};
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION); // because a write would have to read
  return context;
}

bool is_ip_address(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

/// Makes the handshake fail unless the certificate names `host`.
bool expect_host(SSL* session, const std::string& host) {
  if (is_ip_address(host))
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str()) == 1;
  SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(session, host.c_str()) == 1 &&
         SSL_set_tlsext_host_name(session, host.c_str()) == 1; // a macro with a C cast inside
}

} // namespace

void redis_tls::free_session::operator()(ssl_st* session) const noexcept { SSL_free(session); }

redis_tls::redis_tls(int socket, ssl_st* session) : socket_(socket), session_(session) {}

result<std::unique_ptr<redis_tls>> redis_tls::handshake(int socket, const redis_options& options,
                                                        const std::string& host) {
  auto context = make_context(options);
  if (!context)
    return context.error();
  std::unique_ptr<redis_tls> tls(new redis_tls(socket, SSL_new(context->get())));
  BIO* const input = BIO_new(BIO_s_mem());
  BIO* const output = BIO_new(BIO_s_mem());
  if (!tls->session_ || input == nullptr || output == nullptr) {
    BIO_free(input);
    BIO_free(output);
    return failure{errc::unreachable, "TLS cannot be set up: " + last_reason()};
  }
  SSL_set_bio(tls->session_.get(), input, output);
  if (!expect_host(tls->session_.get(), host))
    return failure{errc::invalid_option, "TLS cannot check for the host \"" + host + '"'};
  if (auto shaken = tls->shake_hands(); !shaken)
    return shaken.error();
  return tls;
}

result<void> redis_tls::shake_hands() {
  for (;;) {
    ERR_clear_error();
    const int outcome = SSL_connect(session_.get());
    const int error = SSL_get_error(session_.get(), outcome);
    result<void> exchanged = flush(); // also sends the alert of a refusal to the server
    if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ)
      return refusal();
    if (exchanged && error == SSL_ERROR_NONE)
      return {};
    if (exchanged)
      exchanged = feed();
    if (!exchanged)
      return failure{errc::unreachable, "TLS handshake: " + exchanged.error().text};
  }
}

/// The reason for a failed handshake. @pre the error queue is that of SSL_connect().
failure redis_tls::refusal() const {
  if (const long verdict = SSL_get_verify_result(session_.get()); verdict != X509_V_OK)
    return {errc::invalid_option, std::string("the server's certificate is refused: ") +
                                      X509_verify_cert_error_string(verdict)};
  return {errc::invalid_option, "TLS handshake: " + last_reason()};
}

/// Sends the bytes that OpenSSL has written.
result<void> redis_tls::flush() {
  BIO* const output = SSL_get_wbio(session_.get());
  char* bytes = nullptr;
  auto left = static_cast<std::size_t>(BIO_get_mem_data(output, &bytes));
  while (left > 0) {
    const auto sent = ::send(socket_, bytes, left, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0)
      return lost_socket();
    bytes += sent;
    left -= static_cast<std::size_t>(sent);
  }
  static_cast<void>(BIO_reset(output));
  return {};
}

/// Reads bytes from the socket and passes them to OpenSSL. @param flags are those of recv().
result<void> redis_tls::feed(int flags) {
  std::array<char, socket_read_bytes> buffer;
  ssize_t got = 0;
  do
    got = recv(socket_, buffer.data(), buffer.size(), flags);
  while (got < 0 && errno == EINTR);
  if (got < 0)
    return lost_socket();
  if (got == 0)
    return failure{errc::unavailable, closed_text};
  BIO_write(SSL_get_rbio(session_.get()), buffer.data(), static_cast<int>(got));
  return {};
}

result<void> redis_tls::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), piece_bytes);
    ERR_clear_error();
    const int written = SSL_write(session_.get(), bytes.data(), static_cast<int>(size));
    if (written <= 0)
      return lost_session(SSL_get_error(session_.get(), written));
    bytes.remove_prefix(static_cast<std::size_t>(written));
    if (const auto flushed = flush(); !flushed)
      return last_words(flushed.error());
  }
  return {};
}

/// The failure for the alert that the server sent before it closed the connection, or `lost` if it
/// sent none.
failure redis_tls::last_words(const failure& lost) {
  char ignored = 0;
  while (feed(MSG_DONTWAIT)) {
    ERR_clear_error();
    const int got = SSL_read(session_.get(), &ignored, 1);
    if (const int error = SSL_get_error(session_.get(), got); error == SSL_ERROR_SSL)
      return lost_session(error);
  }
  return lost;
}

result<std::size_t> redis_tls::receive(std::span<char> into) {
  for (;;) {
    ERR_clear_error();
    const int got = SSL_read(session_.get(), into.data(), static_cast<int>(into.size()));
    if (got > 0)
      return static_cast<std::size_t>(got);
    if (const int error = SSL_get_error(session_.get(), got); error != SSL_ERROR_WANT_READ)
      return lost_session(error);
    if (const auto flushed = flush(); !flushed)
      return flushed.error();
    if (const auto fed = feed(); !fed)
      return fed.error();
  }
}

} // namespace telemetry::redis
