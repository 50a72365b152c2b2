#include "net/tls_trial.hpp"

#include <openssl/err.h>

namespace telemetry::net {

namespace {

/// One side of a handshake in memory.
ssl_ptr new_side(SSL_CTX* context, BIO* own_end) {
  ssl_ptr side(SSL_new(context));
  if (side)
    SSL_set_bio(side.get(), own_end, own_end);
  else
    BIO_free(own_end);
  return side;
}

/// Whether `side` needs more of the other side, or has finished.
bool advance(SSL* side) {
  const int outcome = SSL_do_handshake(side);
  const int error = outcome == 1 ? SSL_ERROR_NONE : SSL_get_error(side, outcome);
  return error == SSL_ERROR_NONE || error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

} // namespace

std::string try_handshake(SSL_CTX* server_context) {
  ERR_clear_error();
  const ssl_context_ptr client_context(SSL_CTX_new(TLS_client_method()));
  BIO* client_end = nullptr;
  BIO* server_end = nullptr;
  if (!client_context || BIO_new_bio_pair(&client_end, 0, &server_end, 0) != 1)
    return take_openssl_reason();
  const auto client = new_side(client_context.get(), client_end);
  const auto server = new_side(server_context, server_end);
  if (!client || !server)
    return take_openssl_reason();
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(server.get());
  SSL_set_verify(server.get(), SSL_VERIFY_NONE, nullptr);
  constexpr int rounds_max = 64; // a pair of BIOs holds 17 KB, and a long chain takes some rounds
  for (int round = 0; round < rounds_max; ++round) {
    if (!advance(client.get()) || !advance(server.get()))
      return take_openssl_reason();
    if (SSL_is_init_finished(client.get()) == 1 && SSL_is_init_finished(server.get()) == 1)
      return "";
  }
  return "it does not come to an end";
}

} // namespace telemetry::net
