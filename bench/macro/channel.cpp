#include "bench/macro/channel.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <sys/socket.h>

namespace telemetry::bench {

namespace {

/// Of all connections, as long as the process.
SSL_CTX* client_context() {
  static SSL_CTX* const made = [] {
    SSL_CTX* const one = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(one, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return one;
  }();
  return made;
}

/// Sets errno as a system call would. @returns -1, or 0 at the end.
ssize_t failed(SSL* tls, int outcome) {
  switch (SSL_get_error(tls, outcome)) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_WANT_WRITE:
    errno = EAGAIN;
    return -1;
  case SSL_ERROR_ZERO_RETURN:
    return 0;
  default:
    errno = EPROTO;
    return -1;
  }
}

} // namespace

std::string server_port::authorization() const {
  if (key_file.empty())
    return {};
  std::ifstream file(key_file);
  std::string key;
  if (!std::getline(file, key))
    throw std::runtime_error("there is no key in " + key_file);
  return "Authorization: Bearer " + key + "\r\n";
}

void channel::release::operator()(ssl_st* one) const noexcept { SSL_free(one); }

channel::channel(const server_port& to) : fd_(connect_loopback(to.number)) {
  if (!to.has_tls)
    return;
  tls_.reset(SSL_new(client_context()));
  SSL_set_fd(tls_.get(), fd_.get());
  if (SSL_connect(tls_.get()) != 1)
    throw std::runtime_error("the handshake of TLS has failed");
}

void channel::set_non_blocking() {
  bench::set_non_blocking(fd_.get());
  is_blocking_ = false;
}

ssize_t channel::send(std::string_view data) {
  if (!tls_)
    return ::send(fd_.get(), data.data(), data.size(), MSG_NOSIGNAL);
  ERR_clear_error();
  const int sent = SSL_write(tls_.get(), data.data(), static_cast<int>(data.size()));
  return sent > 0 ? sent : failed(tls_.get(), sent);
}

ssize_t channel::receive(char* into, std::size_t size) {
  if (!tls_)
    return ::recv(fd_.get(), into, size, 0);
  std::size_t all = 0;
  while (all < size) {
    ERR_clear_error();
    const int got = SSL_read(tls_.get(), into + all, static_cast<int>(size - all));
    if (got <= 0)
      return all > 0 ? static_cast<ssize_t>(all) : failed(tls_.get(), got);
    all += static_cast<std::size_t>(got);
    if (is_blocking_ && SSL_pending(tls_.get()) == 0)
      break;
  }
  return static_cast<ssize_t>(all);
}

void channel::send_all(std::string_view data) {
  while (!data.empty()) {
    const auto sent = send(data);
    if (sent <= 0)
      throw_errno("send");
    data.remove_prefix(static_cast<std::size_t>(sent));
  }
}

} // namespace telemetry::bench
