#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include "net/tls_credentials.hpp"
#include "net/tls_stream.hpp"
#include "tests/support/feed_stream.hpp"
#include "tests/support/tls_client.hpp"
#include "tests/support/tls_identity.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace telemetry::test {

/// A pair of certificate and key in files, which is loaded once for all tests of a program.
inline const std::shared_ptr<net::tls_credentials>& tls_credentials_of_tests() {
  static const auto credentials = [] {
    file_folder folder;
    const auto own = tls_identity::make({});
    const net::tls_files files{.certificate = folder.write("server.pem", own.certificate_text()),
                               .key = folder.write("server.key", own.key_text())};
    return net::tls_credentials::load(files, std::chrono::system_clock::now()).value();
  }();
  return credentials;
}

/// A tls_stream and its client in memory, in the test's thread.
class tls_pair : public net::stream_listener {
public:
  using progress = net::tls_stream::progress;

  /// @param piece the client's bytes come in pieces of so many
  explicit tls_pair(
      const tls_client::plan& how = {}, std::size_t piece = std::string::npos,
      const std::shared_ptr<net::tls_credentials>& credentials = tls_credentials_of_tests())
      : client(how), piece_(piece) {
    client.shake_hands();
    server = std::make_unique<net::tls_stream>(std::make_unique<feed_stream>(loop, far_end),
                                               credentials, client.take_output());
    net::byte_stream::error_code ec;
    server->watch(*this, ec);
    advance();
  }

  /// Makes the handshake as far as it goes. @returns whether both sides have finished it.
  bool open() {
    for (int round = 0; round < 20 && outcome == progress::waits; ++round)
      exchange();
    client.shake_hands();
    return outcome == progress::done && SSL_is_init_finished(client.native()) == 1;
  }

  /// Brings to each side what the other one has sent.
  void exchange() {
    give(client.take_output());
    take();
  }
  /// The server gets `bytes`, in pieces. It reads what it can.
  void give(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto part = bytes.substr(0, piece_);
      bytes.remove_prefix(part.size());
      unread_ = std::string(far_end.input).append(part);
      far_end.give(unread_);
      far_end.pump();
    }
  }
  /// The client gets what the server has sent, in pieces.
  void take() {
    std::string_view rest = far_end.output;
    while (!rest.empty()) {
      const auto part = rest.substr(0, piece_);
      client.receive(part);
      rest.remove_prefix(part.size());
      if (SSL_is_init_finished(client.native()) == 0)
        client.shake_hands();
      else
        answered += client.read();
    }
    far_end.output.clear();
  }
  /// The client sends `text`.
  void send(std::string_view text) {
    client.write(text);
    exchange();
  }
  /// The server sends `text`. @returns how much of it was taken.
  std::size_t answer(std::string_view text) { return server->try_write(text, write_fault); }

  void on_ready() override {
    ++told;
    if (outcome == progress::waits)
      advance();
    if (outcome == progress::done && reads)
      read();
  }
  /// Reads until the stream has nothing more.
  void read() {
    std::vector<char> space(read_bytes);
    while (server->is_readable() && !read_fault) {
      const auto size = server->try_read(space, read_fault);
      received.append(space.data(), size);
      ++reads_made;
    }
  }

  boost::asio::io_context loop;
  feed far_end;
  tls_client client;
  std::unique_ptr<net::tls_stream> server;
  progress outcome = progress::waits;
  std::string received; ///< by the server
  std::string answered; ///< what the client has read
  std::size_t read_bytes = 64u << 10;
  net::byte_stream::error_code read_fault;
  net::byte_stream::error_code write_fault;
  bool reads = true; ///< whenever the stream is ready
  int told = 0;
  int reads_made = 0;

private:
  void advance() { outcome = server->handshake(); }

  std::size_t piece_;
  std::string unread_;
};

} // namespace telemetry::test
