#include "http_fixture.hpp"

namespace telemetry::net {
namespace {

// The budget of all connections (ADR 0058), with HTTP sessions that wait for their client.

class HttpMemoryTest : public HttpTest {
protected:
  HttpMemoryTest() : HttpTest(1u << 20) {}

  /// Opens a connection with the first `bytes` of a head. @returns its index.
  std::size_t begin_head(std::size_t bytes) {
    connect();
    send("GET /livez HTTP/1.1\r\nX: " + std::string(bytes, 'x'));
    return ++last_;
  }
  /// Opens connections like that until one of all is cut. @returns how many.
  std::size_t begin_heads_until_a_cut(std::size_t bytes) {
    const auto before = cut_;
    for (std::size_t count = 1; count < 1000; ++count) {
      begin_head(bytes);
      cut_ += memory_.take_losses().cut;
      if (cut_ > before)
        return count;
    }
    ADD_FAILURE() << "nobody is cut";
    return 0;
  }
  bool is_cut(std::size_t index) {
    switch_to(index);
    return !peer().is_open;
  }

  std::size_t last_ = 0; ///< index of the last connection; 0 is there from the start
  std::size_t cut_ = 0;
};

TEST_F(HttpMemoryTest, IdleConnectionsCountAsOneGrain) {
  EXPECT_EQ(memory_.bytes(), memory_charge::connection_grain);
  EXPECT_EQ(get("/livez").status, 200);
  tick(1);
  EXPECT_EQ(memory_.bytes(), memory_charge::connection_grain);
  leave();
  EXPECT_EQ(memory_.bytes(), 0u);
}

TEST_F(HttpMemoryTest, CutsTheLargestBegunHeadAndNobodyElse) {
  EXPECT_EQ(get("/livez").status, 200);
  const auto small = begin_head(3'000);
  const auto large = begin_head(14'000);
  EXPECT_GT(begin_heads_until_a_cut(8'000), 50u);
  EXPECT_TRUE(is_cut(large));
  EXPECT_FALSE(is_cut(small));
  EXPECT_EQ(cut_, 1u);
  EXPECT_LE(memory_.bytes(), memory_.bytes_max());
  switch_to(0);
  EXPECT_EQ(get("/livez").status, 200);
}

TEST_F(HttpMemoryTest, CutsQuietOnesBeforeLargerOnesThatGoOn) {
  const auto quiet = begin_head(5'000);
  tick(2);
  const auto busy = begin_head(14'000);
  begin_heads_until_a_cut(8'000);
  EXPECT_TRUE(is_cut(quiet));
  EXPECT_FALSE(is_cut(busy));
}

TEST_F(HttpMemoryTest, ATickMakesRoomForMore) {
  memory_charge others(&memory_); // of another I/O thread
  for (int i = 0; i < 20; ++i)
    begin_head(8'000);
  tick(2);
  others.hold(1u << 20);
  EXPECT_EQ(memory_.take_losses().cut, 0u);
  others.hold(memory_.bytes_max() - memory_.bytes() + others.bytes() + 1);
  tick(1);
  EXPECT_GE(memory_.take_losses().cut, 5u);
  EXPECT_LE(memory_.bytes(), memory_.bytes_max() - memory_.margin());
}

TEST_F(HttpMemoryTest, CutsReadersOfLongAnswersThatStandStill) {
  api_.add_robot("long", 400'000);
  api_.piece_rows = 1'000;
  for (int i = 0; i < 8; ++i) {
    connect();
    ++last_;
    block_after(1'000);
    send("GET /api/robots/long/events HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  EXPECT_GE(memory_.take_losses().cut, 1u);
  EXPECT_LE(memory_.bytes(), memory_.bytes_max());
  switch_to(0);
  EXPECT_EQ(get("/livez").status, 200);
}

TEST_F(HttpMemoryTest, CutsBodiesThatDoNotCome) {
  for (int i = 0; i < 30; ++i) { // small ones, because large ones would wait for their turn
    connect();
    send("POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
         "Content-Length: 60000\r\n\r\n1,2");
  }
  EXPECT_GE(memory_.take_losses().cut, 25u) << "each counts as 240,000 bytes";
  EXPECT_LE(memory_.bytes(), memory_.bytes_max());
  switch_to(0);
  EXPECT_EQ(post("text/csv", "1,2,3,a").status, 200);
}

TEST_F(HttpMemoryTest, ABodyThatWaitsIsLetInOnceOthersLeaveRoom) {
  memory_charge others(&memory_);
  others.hold(memory_.bytes_max());
  const std::string body(100'000, 'x');
  send("POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
       "Content-Length: 100000\r\n\r\n" +
       body);
  EXPECT_EQ(input_, "");
  others.give_back();
  tick(1);
  EXPECT_EQ(receive().status, 200);
}

} // namespace
} // namespace telemetry::net
