#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include "net/byte_stream.hpp"
#include "net/tls_credentials.hpp"
#include "net/tls_record.hpp"
#include "net/tls_wire.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace telemetry::net {

/// What the objects of OpenSSL take, with the rounding of the heap: while the handshake is under
/// way (measured: 44 KB), and afterwards (13 to 14 KB).
inline constexpr std::size_t tls_handshake_bytes = 45u << 10;
inline constexpr std::size_t tls_open_bytes = 15u << 10;

/// The server's side of a TLS connection over another stream (ADR 0064).
///
/// OpenSSL gets one whole record at a time, out of a buffer of the thread. The stream keeps only
/// the beginning of a record whose rest has not come. What OpenSSL writes gathers in another buffer
/// of the thread and is sent at once. The stream keeps only what the socket does not take. So
/// OpenSSL never waits, and holds no buffer between turns.
///
/// First handshake() is called, and again whenever the stream is ready. After it has succeeded the
/// stream is read and written like any other.
///
/// Errors: `eof` after the peer has said that it sends no more (close_notify), `connection_reset`
/// if its bytes end without that, and errc::protocol_error if it breaks TLS.
class tls_stream final : public byte_stream, private stream_listener {
public:
  enum class progress { waits, done, failed };

  /// Records that one try_read() takes at most.
  static constexpr int read_records_max = 256;

  /// @param below the stream that carries the records
  /// @param received the bytes that were read of it: a whole ClientHello (judge_hello())
  /// Throws std::bad_alloc.
  tls_stream(std::unique_ptr<byte_stream> below, std::shared_ptr<const tls_credentials> credentials,
             std::string_view received);
  ~tls_stream() override { tls_stream::close(); }
  tls_stream(const tls_stream&) = delete;
  tls_stream& operator=(const tls_stream&) = delete;

  /// Goes on with the handshake as far as the bytes that have come allow.
  [[nodiscard]] progress handshake();
  /// Why the handshake has failed, or the connection has broken; "" if it has not.
  [[nodiscard]] std::string_view fault() const noexcept { return fault_; }

  void watch(stream_listener& listener, error_code& ec) override;
  [[nodiscard]] bool is_readable() const noexcept override {
    return has_more_ || end_ || below_->is_readable();
  }
  std::size_t try_read(std::span<char> space, error_code& ec) override;
  [[nodiscard]] bool is_writable() const noexcept override {
    return write_fault_ || (unsent_.empty() && below_->is_writable());
  }
  std::size_t try_write(std::string_view bytes, error_code& ec) override;
  /// Sends close_notify, and then ends the stream below.
  void end_writing() noexcept override;
  void reset_at_close(bool on) noexcept override {
    resets_at_close_ = on;
    below_->reset_at_close(on);
  }
  void gather_reads(bool on, error_code& ec) override { below_->gather_reads(on, ec); }
  /// Closes the stream below. Sends no close_notify, because the peer must see a cut answer as one;
  /// unless the peer has sent its own.
  void close() noexcept override;
  [[nodiscard]] boost::asio::any_io_executor get_executor() override {
    return below_->get_executor();
  }
  [[nodiscard]] std::string peer_address() const override { return below_->peer_address(); }
  void rebind(boost::asio::any_io_executor executor) override;
  /// @returns nullopt also if the CAs and revocations that were loaded last refuse the certificate.
  [[nodiscard]] std::optional<peer_certificate> certificate() const override;

private:
  void on_ready() override;

  void begin_turn() noexcept;

  // Reading
  [[nodiscard]] std::string_view gather();
  [[nodiscard]] bool offer_record(std::string_view& received);
  [[nodiscard]] bool is_second_hello(std::string_view record) const;
  [[nodiscard]] std::size_t decrypt(std::string_view& received, std::span<char> space);
  [[nodiscard]] bool advance_handshake();
  void note_no_data(int outcome);
  void keep(std::string_view received);
  void fail(std::string_view why);
  void account(std::size_t base);

  // Writing
  std::size_t encrypt(std::string_view bytes);
  void send_output();
  void send_unsent();
  void send_close_notify() noexcept;
  void end_below();

  [[nodiscard]] bool is_still_trusted(X509* shown) const;

  std::unique_ptr<byte_stream> below_;
  const std::shared_ptr<const tls_credentials> credentials_;
  mutable std::uint64_t trusted_in_; ///< generation of credentials_ that trusts the certificate
  tls_wire wire_;                    ///< before ssl_, which uses it
  ssl_ptr ssl_;
  stream_listener* listener_ = nullptr;
  std::string kept_;          ///< received, and not given to OpenSSL
  std::string unsent_;        ///< records that the stream below has not taken
  dataless_records dataless_; ///< of the peer
  error_code end_;            ///< what try_read() returns after all data
  error_code write_fault_;
  std::string_view fault_;
  bool has_more_ = false; ///< a whole record, or a part of its data, is left
  bool is_broken_ = false;
  bool ends_writing_ = false;
  bool resets_at_close_ = false;
};

} // namespace telemetry::net
