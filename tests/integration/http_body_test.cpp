#include "http_fixture.hpp"

namespace telemetry::net {
namespace {

// How bodies share the memory of their I/O thread, and the time that they have.

class HttpBodyTest : public HttpTest {
protected:
  static constexpr std::size_t large = 256u << 10; ///< a quarter of the budget

  HttpBodyTest() { context_.memory = request_budget(4 * body_memory_factor * large); }

  /// Opens a connection and sends a request with the begin of its body.
  void begin(std::size_t size, std::size_t sent, const std::string& headers = "") {
    connect();
    send("POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n" + headers +
         "Content-Length: " + std::to_string(size) + "\r\n\r\n" + lines(sent));
  }
  /// `size` bytes of event lines; any two go together.
  static std::string lines(std::size_t size) {
    std::string text;
    while (text.size() + 100 <= size)
      text += "1,2,3," + std::string(93, 'n') + '\n';
    return text + std::string(size - text.size(), '\n');
  }
};

TEST_F(HttpBodyTest, EarnsNoTimeByComingFast) {
  begin(large, large / 2);
  pass_idle_timeout();
  EXPECT_EQ(receive().status, 408);
  expect_end();
}

TEST_F(HttpBodyTest, MayComeSlowlyButNotInDrips) {
  begin(200'000, 100'000);
  for (int i = 0; i < 99; ++i) {
    send(lines(1'010));
    tick(1);
  }
  send(lines(10));
  EXPECT_EQ(receive().status, 200);
  begin(200'000, 100'000);
  for (int i = 0; i < 122 && !ended(); ++i) {
    send(lines(10));
    tick(1);
  }
  EXPECT_EQ(receive().status, 408);
}

TEST_F(HttpBodyTest, WaitsItsTurnAndIsNotReadMeanwhile) {
  for (int i = 0; i < 4; ++i)
    begin(large, 1'600, i == 2 ? "Expect: 100-continue\r\n" : "");
  send(lines(100'000 - 1'600));
  EXPECT_EQ(input_, "");
  EXPECT_EQ(peer().input.size(), 100'000u - 1'600) << "waits, with the socket unread";
  switch_to(1);
  send(lines(large - 1'600));
  EXPECT_EQ(receive().status, 200);
  switch_to(3);
  settle();
  EXPECT_EQ(receive().status, 100) << "the first of those that wait";
  send(lines(large - 1'600));
  EXPECT_EQ(receive().status, 200);
  switch_to(4);
  send(lines(large - 100'000));
  EXPECT_EQ(receive().status, 200);
}

TEST_F(HttpBodyTest, IsRefusedIfItsTurnDoesNotCome) {
  for (int i = 0; i < 3; ++i)
    begin(large, 1'600);
  for (int i = 0; i < 61; ++i) { // the others are not too slow
    for (const std::size_t other : {1, 2}) {
      switch_to(other);
      send(lines(2'000));
    }
    switch_to(3);
    tick(1);
  }
  EXPECT_EQ(receive().status, 503);
  EXPECT_EQ(context_.bodies.waiting(), 0u);
}

TEST_F(HttpBodyTest, LeavesRoomForSmallBodiesAndLongAnswers) {
  api_.add_robot("long", 10'000);
  for (int i = 0; i < 4; ++i)
    begin(large, 1'600);
  connect();
  EXPECT_EQ(post("text/csv", lines(1'600)).status, 200);
  EXPECT_EQ(get("/api/robots/long/events").status, 200);
}

TEST_F(HttpBodyTest, GivesItsShareBackAtTheAnswer) {
  for (int i = 0; i < 2; ++i) {
    begin(large, large, "Connection: close\r\n");
    EXPECT_EQ(receive().status, 200);
    EXPECT_TRUE(peer().is_open) << "lingers";
    EXPECT_EQ(context_.memory.bytes(), 0u);
  }
  block_after(10);
  begin(large, large);
  EXPECT_EQ(context_.memory.bytes(), 0u) << "also if the answer is not read";
}

TEST_F(HttpBodyTest, GivesItsShareBackWhenItIsCut) {
  for (int i = 0; i < 3; ++i)
    begin(large, 1'600);
  switch_to(1);
  leave();
  switch_to(2);
  leave();
  switch_to(3);
  send(lines(large - 1'600));
  EXPECT_EQ(receive().status, 200);
  EXPECT_EQ(context_.memory.bytes(), 0u);
}

TEST_F(HttpBodyTest, IsRefusedWhileItWaitsWhenDrained) {
  for (int i = 0; i < 3; ++i)
    begin(large, 1'600);
  sessions_.drain_all();
  EXPECT_EQ(receive().status, 503);
  EXPECT_THAT(api_.ingested, testing::IsEmpty());
}

TEST_F(HttpBodyTest, InChunksIsRefusedOnceItDoesNotFit) {
  for (int i = 0; i < 2; ++i)
    begin(large, 1'600);
  connect();
  send("POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
       "Transfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "8000\r\n" + lines(0x8000) + "\r\n";
  send(chunk);
  EXPECT_EQ(context_.memory.bytes(), 2 * large * body_memory_factor + 0x8000 * body_memory_factor);
  send(chunk);
  EXPECT_EQ(input_, "");
  send(chunk);
  EXPECT_EQ(receive().status, 503);
  EXPECT_EQ(context_.memory.bytes(), 2 * large * body_memory_factor);
}

TEST_F(HttpBodyTest, IsReadOnForTenSecondsBehindItsRefusal) {
  begin(9u << 20, 0);
  EXPECT_EQ(receive().status, 413);
  for (int i = 0; i < 11; ++i) {
    EXPECT_TRUE(peer().is_open) << i;
    send("x");
    tick(1);
  }
  EXPECT_FALSE(peer().is_open);
}

} // namespace
} // namespace telemetry::net
