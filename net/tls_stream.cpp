#include "net/tls_stream.hpp"

#include "net/memory_budget.hpp"
#include "net/tls_certificate.hpp"

#include <boost/asio/error.hpp>

#include <openssl/err.h>

#include <new>
#include <utility>

namespace telemetry::net {

namespace {

using error_code = byte_stream::error_code;

/// Plain bytes that are encrypted before they are sent.
constexpr std::size_t encrypt_bytes_max = 64u << 10;

/// The output of the thread keeps room for so many bytes and their records.
constexpr std::size_t output_bytes_kept_max = encrypt_bytes_max + (4u << 10);

error_code broken() { return make_error_code(boost::system::errc::protocol_error); }

/// Why OpenSSL has failed; a constant of the process.
std::string_view reason() {
  const auto code = ERR_peek_last_error();
  const char* const text = code == 0 ? nullptr : ERR_reason_error_string(code);
  return text == nullptr ? "broken TLS" : text;
}

} // namespace

tls_stream::tls_stream(std::unique_ptr<byte_stream> below,
                       std::shared_ptr<const tls_credentials> credentials,
                       std::string_view received)
    : below_(std::move(below)), credentials_(std::move(credentials)),
      trusted_in_(credentials_->generation()), ssl_(credentials_->current()->new_server()),
      kept_(received) {
  auto bio = make_tls_bio(wire_);
  BIO* const both = bio.release();
  SSL_set_bio(ssl_.get(), both, both);
  has_more_ = true;
  account(tls_handshake_bytes);
}

void tls_stream::watch(stream_listener& listener, error_code& ec) {
  listener_ = &listener;
  below_->watch(*this, ec);
}

void tls_stream::on_ready() {
  send_unsent();
  if (listener_ != nullptr)
    listener_->on_ready();
}

void tls_stream::rebind(boost::asio::any_io_executor executor) {
  listener_ = nullptr;
  below_->rebind(std::move(executor));
}

std::optional<peer_certificate> tls_stream::certificate() const {
  X509* const shown = ssl_ ? SSL_get0_peer_certificate(ssl_.get()) : nullptr;
  if (shown == nullptr || SSL_get_verify_result(ssl_.get()) != X509_V_OK ||
      !is_still_trusted(shown))
    return std::nullopt;
  return peer_certificate{identities_of(shown), time_of(X509_get0_notAfter(shown))};
}

/// Verifies the certificate again once after each reload, because that takes about 0.1 ms.
bool tls_stream::is_still_trusted(X509* shown) const {
  const auto generation = credentials_->generation();
  if (trusted_in_ == generation)
    return true;
  if (!credentials_->current()->trusts(shown, SSL_get_peer_cert_chain(ssl_.get())))
    return false;
  trusted_in_ = generation;
  return true;
}

tls_stream::progress tls_stream::handshake() {
  begin_turn();
  bool is_done = false;
  do {
    auto received = gather();
    while (!is_done && !end_ && offer_record(received))
      is_done = advance_handshake();
    keep(received);
  } while (!is_done && !end_ && below_->is_readable());
  send_output();
  if (end_)
    return progress::failed;
  if (!is_done)
    return progress::waits;
  account(tls_open_bytes);
  return progress::done;
}

/// Gives OpenSSL the record that was offered. @returns whether the handshake has succeeded.
bool tls_stream::advance_handshake() {
  ERR_clear_error();
  const int outcome = SSL_do_handshake(ssl_.get());
  if (outcome != 1)
    note_no_data(outcome);
  return outcome == 1;
}

/// The stream may have come from another thread. A turn of another stream may have ended with an
/// exception, and its output must not go to this peer.
void tls_stream::begin_turn() noexcept {
  auto& output = tls_buffers::of_thread().output;
  output.clear();
  wire_.output = &output;
}

/// Brings what was kept into the buffer of the thread and reads more behind it, unless a whole
/// record or a part of its data is there already. @returns the bytes that OpenSSL has not read.
std::string_view tls_stream::gather() {
  auto& space = tls_buffers::of_thread().input;
  auto size = kept_.copy(space.data(), space.size());
  if (!has_more_ && below_->is_readable()) {
    error_code ec;
    size += below_->try_read(std::span(space).subspan(size), ec);
    if (ec == boost::asio::error::eof)
      ec = boost::asio::error::connection_reset; // the peer has not said that this is the end
    if (ec) {
      end_ = ec;
      fault_ = "the client has gone";
    }
  }
  return {space.data(), size};
}

/// Offers OpenSSL the next record of `received`, if that is whole. OpenSSL reads all of it in its
/// next call.
bool tls_stream::offer_record(std::string_view& received) {
  const auto next = look_at_record(received);
  if (next.is == tls_record::state::faulty)
    fail("not a record of TLS");
  if (next.is != tls_record::state::whole)
    return false;
  wire_.record = received.substr(0, next.bytes);
  if (is_second_hello(wire_.record) && judge_hello(wire_.record) != tls_hello::whole) {
    fail("not a whole ClientHello");
    return false;
  }
  received.remove_prefix(next.bytes);
  return true;
}

/// A client of TLS 1.3 repeats its hello if we ask for another curve. That hello is the only
/// handshake record in clear.
bool tls_stream::is_second_hello(std::string_view record) const {
  constexpr char handshake = 22;
  return record.front() == handshake && SSL_is_init_finished(ssl_.get()) == 0 &&
         SSL_version(ssl_.get()) == TLS1_3_VERSION;
}

std::size_t tls_stream::decrypt(std::string_view& received, std::span<char> space) {
  std::size_t size = 0;
  for (int records = 0; size < space.size() && records < read_records_max && !end_; ++records) {
    if (SSL_pending(ssl_.get()) == 0 && !offer_record(received))
      break;
    ERR_clear_error();
    std::size_t read = 0;
    const auto rest = space.subspan(size);
    const int outcome = SSL_read_ex(ssl_.get(), rest.data(), rest.size(), &read);
    size += read;
    if (outcome != 1)
      note_no_data(outcome);
  }
  return size;
}

/// OpenSSL has read a record and has no data of it.
void tls_stream::note_no_data(int outcome) {
  switch (SSL_get_error(ssl_.get(), outcome)) {
  case SSL_ERROR_WANT_READ:
    if (!dataless_.note(dataless_records::clock::now()))
      fail("too many records without data");
    return;
  case SSL_ERROR_ZERO_RETURN:
    end_ = boost::asio::error::eof;
    return;
  default:
    fail(reason());
  }
}

void tls_stream::fail(std::string_view why) {
  is_broken_ = true;
  end_ = broken();
  fault_ = why;
}

void tls_stream::keep(std::string_view received) {
  wire_.record = {};
  if (received.empty())
    kept_ = {};
  else
    kept_ = std::string(received); // as large as needed
  has_more_ = SSL_pending(ssl_.get()) > 0 || look_at_record(kept_).is != tls_record::state::partial;
  account(holdings_.base);
}

/// OpenSSL keeps its own buffer while a part of a record's data is left in it.
void tls_stream::account(std::size_t base) {
  const std::size_t begun = SSL_pending(ssl_.get()) > 0 ? tls_record_bytes_max : 0;
  holdings_ = {base, kept_.size() + begun, unsent_.empty() ? 0 : unsent_.capacity()};
}

std::size_t tls_stream::try_read(std::span<char> space, error_code& ec) {
  std::size_t size = 0;
  if (space.empty())
    return 0;
  begin_turn();
  do { // goes on after records without data, because the kernel tells of no bytes that were read
    auto received = gather();
    size = decrypt(received, space);
    keep(received);
  } while (size == 0 && !end_ && below_->is_readable());
  send_output(); // alerts, and answers to KeyUpdates
  if (size == 0)
    ec = end_;
  return size;
}

std::size_t tls_stream::try_write(std::string_view bytes, error_code& ec) {
  std::size_t size = 0;
  begin_turn();
  send_unsent();
  while (size < bytes.size() && !write_fault_ && is_writable()) {
    size += encrypt(bytes.substr(size, encrypt_bytes_max));
    send_output();
  }
  ec = write_fault_;
  return size;
}

/// Writes records with `bytes` to the output of the thread. @returns how many bytes.
std::size_t tls_stream::encrypt(std::string_view bytes) {
  ERR_clear_error();
  std::size_t size = 0;
  if (is_broken_ || SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &size) != 1)
    write_fault_ = broken();
  return size;
}

/// Sends the output of the thread, and keeps what the stream below does not take.
void tls_stream::send_output() {
  auto& output = tls_buffers::of_thread().output;
  std::string_view rest = output;
  if (!rest.empty() && unsent_.empty() && !write_fault_)
    rest.remove_prefix(below_->try_write(rest, write_fault_));
  if (!write_fault_)
    unsent_.append(rest);
  output.clear();
  if (output.capacity() > output_bytes_kept_max)
    output.shrink_to_fit();
  account(holdings_.base);
}

void tls_stream::send_unsent() {
  if (unsent_.empty() || write_fault_ || !below_->is_writable())
    return;
  unsent_.erase(0, below_->try_write(unsent_, write_fault_));
  if (write_fault_)
    unsent_.clear();
  if (unsent_.capacity() > idle_buffer_bytes_max && unsent_.size() <= unsent_.capacity() / 4)
    unsent_.shrink_to_fit();
  account(holdings_.base);
  end_below();
}

void tls_stream::end_writing() noexcept {
  if (!ssl_ || std::exchange(ends_writing_, true))
    return;
  send_close_notify();
  end_below();
}

/// If no memory is left for it, the peer takes the connection for a cut one.
void tls_stream::send_close_notify() noexcept {
  begin_turn();
  ERR_clear_error();
  if (!is_broken_ && SSL_is_init_finished(ssl_.get()) == 1)
    SSL_shutdown(ssl_.get());
  try {
    send_output();
  } catch (const std::bad_alloc&) {
    write_fault_ = broken();
  }
}

/// Ends the stream below once close_notify has been sent.
void tls_stream::end_below() {
  if (ends_writing_ && unsent_.empty())
    below_->end_writing();
}

void tls_stream::close() noexcept {
  const bool has_peers_close = end_ == boost::asio::error::eof;
  if (ssl_ && has_peers_close && !ends_writing_ && !resets_at_close_ && unsent_.empty())
    send_close_notify(); // the peer waits for it
  listener_ = nullptr;
  below_->close();
  kept_ = {};
  unsent_ = {};
  has_more_ = false;
  ssl_.reset();
  holdings_ = {};
}

} // namespace telemetry::net
