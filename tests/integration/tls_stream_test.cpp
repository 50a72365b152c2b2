#include "tests/support/tls_pair.hpp"

#include <boost/asio/error.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace telemetry::net {
namespace {

using test::tls_client;
using test::tls_pair;
using testing::HasSubstr;
using progress = tls_stream::progress;

const boost::system::error_code broken = make_error_code(boost::system::errc::protocol_error);
const boost::system::error_code truncated = boost::asio::error::connection_reset;

tls_client::plan only(int version) { return {.version_min = version, .version_max = version}; }

/// Both versions of TLS that are spoken.
class TlsStreamTest : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Versions, TlsStreamTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& one) {
                           return one.param == TLS1_3_VERSION ? "Tls13" : "Tls12";
                         });

std::string bytes_of(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    text[i] = static_cast<char>('a' + i % 23);
  return text;
}

TEST_P(TlsStreamTest, CarriesBytesInBothDirections) {
  tls_pair pair(only(GetParam()));
  ASSERT_TRUE(pair.open());
  pair.send("a request");
  EXPECT_EQ(pair.received, "a request");
  EXPECT_EQ(pair.answer("an answer"), 9u);
  pair.take();
  EXPECT_EQ(pair.answered, "an answer");
  EXPECT_EQ(SSL_version(pair.client.native()), GetParam());
}

TEST_P(TlsStreamTest, FlightsMayBeCutAnywhere) {
  const auto large = bytes_of(40'000);
  for (std::size_t piece = 1; piece <= 43; ++piece) {
    tls_pair pair(only(GetParam()), piece);
    ASSERT_TRUE(pair.open()) << piece;
    pair.send("a request");
    ASSERT_EQ(pair.received, "a request");
    (void)pair.answer(large);
    pair.take();
    ASSERT_EQ(pair.answered, large);
  }
}

TEST_P(TlsStreamTest, ReadsWhatCameWithTheLastFlight) {
  tls_pair pair(only(GetParam()));
  while (!pair.client.shake_hands())
    pair.exchange();
  // The client has finished. Its last flight may not have been sent yet.
  const bool is_last_flight_unsent = pair.outcome == progress::waits;
  pair.reads = false;
  pair.client.write("at once");
  pair.give(pair.client.take_output());
  ASSERT_EQ(pair.outcome, progress::done);
  EXPECT_EQ(is_last_flight_unsent, GetParam() == TLS1_3_VERSION);
  ASSERT_TRUE(pair.server->is_readable()) << "the kernel reports these bytes no more";
  pair.read();
  EXPECT_EQ(pair.received, "at once");
  EXPECT_FALSE(pair.server->is_readable());
}

TEST_P(TlsStreamTest, CanMoveToAnotherThreadAfterTheHandshake) {
  tls_pair pair(only(GetParam()));
  ASSERT_TRUE(pair.open());
  pair.reads = false;
  pair.client.write("for another thread");
  pair.give(pair.client.take_output());
  std::thread([&] {
    pair.server->rebind(pair.loop.get_executor());
    byte_stream::error_code ec;
    pair.server->watch(pair, ec);
    pair.read();
    (void)pair.answer("from another thread");
  }).join();
  EXPECT_EQ(pair.received, "for another thread");
  pair.take();
  EXPECT_EQ(pair.answered, "from another thread");
}

TEST_P(TlsStreamTest, StaysReadableWhileAPartOfARecordIsLeft) {
  tls_pair pair(only(GetParam()));
  ASSERT_TRUE(pair.open());
  pair.reads = false;
  const auto text = bytes_of(10'000);
  pair.send(text);
  std::array<char, 100> space{};
  std::string all;
  while (pair.server->is_readable()) {
    const auto size = pair.server->try_read(space, pair.read_fault);
    ASSERT_FALSE(pair.read_fault);
    all.append(space.data(), size);
    if (all.size() < text.size()) {
      ASSERT_TRUE(pair.server->is_readable()) << all.size();
      ASSERT_GT(pair.server->holdings().unread, 10'000u) << "OpenSSL holds the record";
    }
  }
  EXPECT_EQ(all, text);
  EXPECT_EQ(pair.server->holdings().unread, 0u);
}

TEST_P(TlsStreamTest, ATurnTakes256Records) {
  tls_pair pair(only(GetParam()));
  ASSERT_TRUE(pair.open());
  pair.reads = false;
  for (int i = 0; i < 600; ++i)
    pair.client.write("x");
  pair.exchange();
  std::vector<char> space(64u << 10);
  for (const std::size_t expected : {256u, 256u, 88u}) {
    ASSERT_TRUE(pair.server->is_readable());
    EXPECT_EQ(pair.server->try_read(space, pair.read_fault), expected);
  }
  EXPECT_FALSE(pair.server->is_readable());
  EXPECT_FALSE(pair.read_fault);
}

TEST_P(TlsStreamTest, ATurnTakes64KiB) {
  tls_pair pair(only(GetParam()));
  ASSERT_TRUE(pair.open());
  pair.reads = false;
  pair.send(bytes_of(300'000));
  std::vector<char> space(1u << 20);
  const auto first = pair.server->try_read(space, pair.read_fault);
  EXPECT_GT(first, 32u << 10);
  EXPECT_LE(first, 64u << 10);
  std::size_t sum = first;
  while (pair.server->is_readable())
    sum += pair.server->try_read(space, pair.read_fault);
  EXPECT_EQ(sum, 300'000u);
}

TEST_P(TlsStreamTest, HoldsWhatIsLeftOfARecord) {
  tls_pair pair(only(GetParam()));
  ASSERT_TRUE(pair.open());
  const auto base = pair.server->holdings().base;
  EXPECT_EQ(base, tls_open_bytes);
  pair.client.write(bytes_of(5'000));
  const auto record = pair.client.take_output();
  pair.give(record.substr(0, 3'000));
  EXPECT_EQ(pair.server->holdings().unread, 3'000u);
  EXPECT_EQ(pair.server->holdings().total(), base + 3'000);
  EXPECT_FALSE(pair.server->is_readable());
  pair.give(record.substr(3'000));
  EXPECT_EQ(pair.received.size(), 5'000u);
  EXPECT_EQ(pair.server->holdings().unread, 0u) << "the charge is given back";
}

TEST_P(TlsStreamTest, RefusesARecordThatIsTooLargeAtItsHeader) {
  tls_pair pair(only(GetParam()));
  ASSERT_TRUE(pair.open());
  pair.give(std::string_view("\x17\x03\x03\x41\x01", 5)); // 2^14 + 257
  EXPECT_EQ(pair.read_fault, broken);
  EXPECT_THAT(std::string(pair.server->fault()), HasSubstr("not a record"));
}

TEST_P(TlsStreamTest, RefusesARecordThatWasChanged) {
  tls_pair pair(only(GetParam()));
  ASSERT_TRUE(pair.open());
  pair.client.write("good");
  pair.client.write("bad!");
  auto records = pair.client.take_output();
  records.back() = static_cast<char>(records.back() ^ 1);
  pair.give(records);
  EXPECT_EQ(pair.received, "good") << "it comes before the fault";
  EXPECT_EQ(pair.read_fault, broken);
  EXPECT_EQ(pair.answer("more"), 0u);
  EXPECT_EQ(pair.write_fault, broken);
}

TEST_P(TlsStreamTest, KeepsWhatTheSocketDoesNotTake) {
  tls_pair pair(only(GetParam()));
  ASSERT_TRUE(pair.open());
  pair.far_end.write_bytes_left = 10'000;
  const auto text = bytes_of(300'000);
  const auto taken = pair.answer(text);
  EXPECT_EQ(taken, 64u << 10) << "so much is encrypted before it is sent";
  EXPECT_FALSE(pair.server->is_writable());
  const auto unsent = pair.server->holdings().unsent;
  EXPECT_GT(unsent, 55'000u);
  EXPECT_LT(unsent, 56'000u);
  EXPECT_EQ(pair.answer("more"), 0u) << "in their order";
  pair.far_end.write_bytes_left = 20'000;
  pair.far_end.is_blocked = false;
  pair.far_end.listener->on_ready();
  EXPECT_FALSE(pair.server->is_writable());
  EXPECT_EQ(pair.server->holdings().unsent, unsent) << "the memory is not free yet";
  pair.far_end.write_bytes_left = std::string::npos;
  pair.far_end.is_blocked = false;
  const auto told = pair.told;
  pair.far_end.listener->on_ready();
  EXPECT_TRUE(pair.server->is_writable());
  EXPECT_EQ(pair.told, told + 1);
  EXPECT_EQ(pair.server->holdings().unsent, 0u) << "the charge is given back";
  EXPECT_EQ(pair.answer(std::string_view(text).substr(taken)), text.size() - taken);
  pair.take();
  EXPECT_EQ(pair.answered, text);
}

TEST_P(TlsStreamTest, AFailedSocketIsToldToTheWriter) {
  tls_pair pair(only(GetParam()));
  ASSERT_TRUE(pair.open());
  pair.far_end.write_bytes_left = 100;
  EXPECT_EQ(pair.answer("some"), 4u);
  EXPECT_EQ(pair.answer(bytes_of(1'000)), 1'000u);
  EXPECT_FALSE(pair.server->is_writable());
  pair.far_end.is_blocked = false;
  pair.far_end.operations_left = 0;
  pair.reads = false;
  pair.far_end.listener->on_ready();
  ASSERT_TRUE(pair.server->is_writable()) << "a write tells of the fault";
  EXPECT_EQ(pair.answer("more"), 0u);
  EXPECT_TRUE(pair.write_fault);
  EXPECT_EQ(pair.server->holdings().unsent, 0u);
}

TEST_P(TlsStreamTest, TellsOfAnEndThatThePeerHasAnnounced) {
  tls_pair pair(only(GetParam()));
  ASSERT_TRUE(pair.open());
  pair.client.write("last words");
  pair.client.end();
  pair.give(pair.client.take_output());
  EXPECT_EQ(pair.received, "last words");
  EXPECT_EQ(pair.read_fault, boost::asio::error::eof);
  EXPECT_EQ(pair.answer("answer"), 6u) << "the other direction is still open";
  pair.take();
  EXPECT_EQ(pair.answered, "answer");
}

TEST_P(TlsStreamTest, TellsAnEndThatWasCutFromARegularOne) {
  tls_pair pair(only(GetParam()));
  ASSERT_TRUE(pair.open());
  pair.send("last words");
  pair.far_end.end();
  pair.far_end.pump();
  EXPECT_EQ(pair.received, "last words");
  EXPECT_EQ(pair.read_fault, truncated);
}

TEST_P(TlsStreamTest, EndsWithCloseNotifyAndThenTheStreamBelow) {
  tls_pair pair(only(GetParam()));
  ASSERT_TRUE(pair.open());
  pair.far_end.write_bytes_left = 5;
  (void)pair.answer("answer");
  pair.server->end_writing();
  EXPECT_FALSE(pair.far_end.has_its_end) << "close_notify is not sent yet";
  pair.far_end.write_bytes_left = std::string::npos;
  pair.far_end.is_blocked = false;
  pair.far_end.listener->on_ready();
  EXPECT_TRUE(pair.far_end.has_its_end);
  pair.take();
  EXPECT_EQ(pair.answered, "answer");
  EXPECT_TRUE(pair.client.has_end());
}

TEST_P(TlsStreamTest, AnswersTheCloseOfItsPeerWhenItIsClosed) {
  for (const bool resets : {false, true}) {
    tls_pair pair(only(GetParam()));
    ASSERT_TRUE(pair.open());
    pair.client.end();
    pair.give(pair.client.take_output());
    ASSERT_EQ(pair.read_fault, boost::asio::error::eof);
    pair.server->reset_at_close(resets);
    pair.server->close();
    pair.take();
    (void)pair.client.read();
    EXPECT_EQ(pair.client.has_end(), !resets);
  }
}

TEST_P(TlsStreamTest, AnAbortIsAResetWithoutCloseNotify) {
  tls_pair pair(only(GetParam()));
  ASSERT_TRUE(pair.open());
  (void)pair.answer("half of it");
  pair.server->reset_at_close(true);
  pair.server->close();
  EXPECT_TRUE(pair.far_end.was_reset);
  pair.take();
  EXPECT_EQ(pair.answered, "half of it");
  EXPECT_FALSE(pair.client.has_end());
  EXPECT_EQ(pair.server->holdings().total(), 0u);
}

TEST(TlsKeyUpdateTest, MoreThan32EndTheConnectionHoweverTheyCome) {
  tls_pair pair(only(TLS1_3_VERSION));
  ASSERT_TRUE(pair.open());
  int sent = 0;
  for (; sent < 100 && !pair.read_fault; ++sent) {
    SSL_key_update(pair.client.native(), SSL_KEY_UPDATE_NOT_REQUESTED);
    SSL_do_handshake(pair.client.native());
    pair.give(pair.client.take_output());
  }
  EXPECT_EQ(pair.read_fault, broken);
  EXPECT_LE(sent, 33);
  EXPECT_GE(sent, 28) << "the handshake takes some";
}

TEST(TlsKeyUpdateTest, AFloodInOneReadEndsTheConnection) {
  tls_pair pair(only(TLS1_3_VERSION));
  ASSERT_TRUE(pair.open());
  std::string flood;
  for (int i = 0; i < 1'000; ++i) {
    SSL_key_update(pair.client.native(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(pair.client.native());
    flood += pair.client.take_output();
  }
  pair.client.write("never read");
  flood += pair.client.take_output();
  pair.give(flood);
  EXPECT_EQ(pair.read_fault, broken);
  EXPECT_EQ(pair.received, "");
  EXPECT_THAT(std::string(pair.server->fault()), HasSubstr("too many records without data"));
  EXPECT_EQ(pair.reads_made, 1);
}

TEST(TlsKeyUpdateTest, OneIsAnswered) {
  tls_pair pair(only(TLS1_3_VERSION));
  ASSERT_TRUE(pair.open());
  SSL_key_update(pair.client.native(), SSL_KEY_UPDATE_REQUESTED);
  pair.send("with new keys");
  EXPECT_EQ(pair.received, "with new keys");
  (void)pair.answer("with new keys too");
  pair.take();
  EXPECT_EQ(pair.answered, "with new keys too");
  EXPECT_FALSE(pair.read_fault);
}

TEST(TlsRenegotiationTest, IsRefused) {
  tls_pair pair(only(TLS1_2_VERSION));
  ASSERT_TRUE(pair.open());
  SSL_renegotiate(pair.client.native());
  SSL_do_handshake(pair.client.native());
  pair.give(pair.client.take_output());
  EXPECT_FALSE(pair.far_end.output.empty()) << "an alert";
  pair.client.receive(pair.far_end.output);
  EXPECT_FALSE(pair.client.shake_hands());
  EXPECT_TRUE(pair.client.has_failed());
  EXPECT_THAT(pair.client.fault(), HasSubstr("no renegotiation"));
}

TEST(TlsSettingsTest, OlderVersionsAreRefused) {
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    tls_pair pair(only(version));
    EXPECT_FALSE(pair.open());
    EXPECT_EQ(pair.outcome, progress::failed);
    pair.take();
    EXPECT_THAT(pair.client.fault(), HasSubstr("protocol version"));
  }
}

TEST(TlsSettingsTest, ProtocolIsHttpOrNone) {
  tls_pair without;
  EXPECT_TRUE(without.open());
  tls_pair http({.protocols = "\x02h2\x08http/1.1"});
  EXPECT_TRUE(http.open());
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(http.client.native(), &chosen, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), size), "http/1.1");
  tls_pair other({.protocols = "\x02h2\x08http/1.0"});
  EXPECT_FALSE(other.open());
  EXPECT_EQ(other.outcome, progress::failed);
  other.take();
  EXPECT_THAT(other.client.fault(), HasSubstr("no application protocol"));
}

TEST(TlsSettingsTest, ThereIsNoResumption) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    tls_pair first(only(version));
    ASSERT_TRUE(first.open());
    (void)first.answer("answer");
    first.take();
    SSL_SESSION* const session = SSL_get1_session(first.client.native());
    EXPECT_EQ(SSL_SESSION_has_ticket(session), 0);
    SSL_SESSION_free(session);
    EXPECT_EQ(SSL_SESSION_is_resumable(SSL_get0_session(first.client.native())), 0);
  }
}

TEST(TlsSettingsTest, TheServerChoosesTheCipher) {
  tls_pair pair(only(TLS1_2_VERSION));
  ASSERT_TRUE(pair.open());
  EXPECT_STREQ(SSL_get_cipher_name(pair.client.native()), "ECDHE-ECDSA-AES128-GCM-SHA256");
}

TEST(TlsHelloRetryTest, ASecondHelloMayBeCutAnywhere) {
  for (std::size_t piece : {1u, 7u, 100'000u}) {
    tls_pair pair({.version_min = TLS1_3_VERSION, .curves = "P-384:P-256"}, piece);
    EXPECT_TRUE(pair.open()) << "it offers a share of a curve that we do not take first";
  }
}

TEST(TlsHelloRetryTest, ASecondHelloThatAnnounces128KiBIsRefused) {
  tls_pair pair({.version_min = TLS1_3_VERSION, .curves = "P-384:P-256"});
  ASSERT_EQ(pair.outcome, progress::waits);
  const std::string content = std::string("\x01\x02\x00\x00", 4) + std::string(12, 'x');
  pair.give(std::string("\x16\x03\x03\x00\x10", 5) + content);
  EXPECT_EQ(pair.outcome, progress::failed);
  EXPECT_THAT(std::string(pair.server->fault()), HasSubstr("not a whole ClientHello"));
}

TEST(TlsFaultTest, EveryReadAndWriteMayFail) {
  int opened = 0;
  for (std::size_t operations = 0; operations < 60; ++operations) {
    tls_pair pair({}, 700);
    pair.far_end.operations_left = operations;
    if (!pair.open())
      continue;
    ++opened;
    pair.send(bytes_of(3'000));
    (void)pair.answer(bytes_of(3'000));
    pair.server->end_writing();
    pair.server->close();
    EXPECT_EQ(pair.server->holdings().total(), 0u);
  }
  EXPECT_GT(opened, 30);
}

} // namespace
} // namespace telemetry::net
