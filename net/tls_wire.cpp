#include "net/tls_wire.hpp"

#include <new>

namespace telemetry::net {

namespace {

tls_wire& wire_of(BIO* bio) { return *static_cast<tls_wire*>(BIO_get_data(bio)); }

int read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  auto& record = wire_of(bio).record;
  if (record.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const auto taken = record.copy(into, static_cast<std::size_t>(size));
  record.remove_prefix(taken);
  return static_cast<int>(taken);
}

/// Fails if no memory is left, because an exception must not pass through OpenSSL.
int write(BIO* bio, const char* bytes, int size) noexcept {
  BIO_clear_retry_flags(bio);
  try {
    wire_of(bio).output->append(bytes, static_cast<std::size_t>(size));
    return size;
  } catch (const std::bad_alloc&) {
    return -1;
  }
}

/// Returns 0 for every command that it does not know. With another value OpenSSL would take the
/// connection for one of kernel TLS, and stall.
long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

/// Lives as long as the process.
const BIO_METHOD* method() {
  static BIO_METHOD* const made = [] {
    BIO_METHOD* const one = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tls_wire");
    if (one == nullptr)
      throw std::bad_alloc();
    BIO_meth_set_read(one, read);
    BIO_meth_set_write(one, write);
    BIO_meth_set_ctrl(one, control);
    return one;
  }();
  return made;
}

} // namespace

bio_ptr make_tls_bio(tls_wire& wire) {
  bio_ptr made(BIO_new(method()));
  if (!made)
    throw std::bad_alloc();
  BIO_set_data(made.get(), &wire);
  BIO_set_init(made.get(), 1);
  return made;
}

tls_buffers& tls_buffers::of_thread() {
  static thread_local tls_buffers buffers;
  return buffers;
}

} // namespace telemetry::net
