#include "net/tls_opening.hpp"
#include "tests/support/loop_thread.hpp"
#include "tests/support/tls_pair.hpp"

#include <gtest/gtest.h>

#include <malloc.h>
#include <openssl/crypto.h>

#include <atomic>
#include <cstdlib>

namespace telemetry::net {
namespace {

// What OpenSSL takes for a connection. Its allocations are counted, so the figures do not depend on
// the heap.

std::atomic<std::size_t> openssl_bytes{0};

void* counted_malloc(std::size_t size, const char*, int) {
  void* const made = std::malloc(size);
  openssl_bytes += ::malloc_usable_size(made);
  return made;
}
void counted_free(void* gone, const char*, int) {
  openssl_bytes -= ::malloc_usable_size(gone);
  std::free(gone);
}
void* counted_realloc(void* old, std::size_t size, const char*, int) {
  const auto before = ::malloc_usable_size(old);
  void* const made = std::realloc(old, size);
  openssl_bytes += ::malloc_usable_size(made) - before;
  return made;
}

/// Possible only before OpenSSL has allocated for the first time.
const bool is_counted =
    CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free) == 1;

/// What OpenSSL frees with the server's side of `pair`.
std::size_t bytes_of(test::tls_pair& pair) {
  const auto before = openssl_bytes.load();
  pair.server->close();
  return before - openssl_bytes;
}

test::tls_client::plan only(int version) {
  return {.version_min = version, .version_max = version};
}

TEST(TlsMemoryTest, AnIdleConnectionTakesWhatItIsChargedWith) {
  ASSERT_TRUE(is_counted);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    test::tls_pair pair(only(version));
    ASSERT_TRUE(pair.open());
    pair.send("a request");
    (void)pair.answer("an answer");
    const auto charged = pair.server->holdings().total();
    const auto taken = bytes_of(pair);
    RecordProperty(version == TLS1_3_VERSION ? "tls_1_3" : "tls_1_2", static_cast<int>(taken));
    EXPECT_LE(taken, charged);
    EXPECT_GE(taken, charged * 3 / 4);
  }
}

TEST(TlsMemoryTest, AHandshakeTakesWhatItIsChargedWith) {
  test::tls_pair pair; // the hello is answered, and the client is silent
  ASSERT_EQ(pair.outcome, tls_stream::progress::waits);
  const auto charged = pair.server->holdings().total();
  const auto taken = bytes_of(pair);
  RecordProperty("handshake", static_cast<int>(taken));
  EXPECT_LE(taken, charged);
  EXPECT_GE(taken, charged * 3 / 4);
}

TEST(TlsMemoryTest, AnUnfinishedRecordTakesItsBytesAndNoBufferOfOpenssl) {
  test::tls_pair pair;
  ASSERT_TRUE(pair.open());
  pair.client.write(std::string(5'000, 'x'));
  const auto record = pair.client.take_output();
  const auto before = openssl_bytes.load();
  pair.give(record.substr(0, 1'000));
  EXPECT_EQ(openssl_bytes, before);
  EXPECT_EQ(pair.server->holdings().unread, 1'000u);
}

TEST(TlsMemoryTest, ABegunHelloTakesNothingOfOpenssl) {
  boost::asio::io_context loop;
  test::loop_thread io(loop);
  session_registry openings;
  test::feed far_end;
  const auto credentials = test::tls_credentials_of_tests();
  std::string nine{22, 3, 1, 0x40, 0, 1, 2, 0, 0}; // announce a hello of 128 KiB
  const auto before = openssl_bytes.load();
  start_tls_opening(std::make_unique<test::feed_stream>(loop, far_end), openings, io,
                    {credentials, std::chrono::steady_clock::time_point::max(),
                     [](std::unique_ptr<byte_stream>, std::string_view) {}});
  for (const char& one : nine) {
    far_end.give({&one, 1});
    far_end.pump();
    EXPECT_EQ(openssl_bytes, before);
  }
  loop.poll();
  EXPECT_FALSE(far_end.is_open);
}

} // namespace
} // namespace telemetry::net
