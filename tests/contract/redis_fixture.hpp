#pragma once

#include "storage/redis/redis_journal.hpp"
#include "tests/contract/engines.hpp"
#include "tests/support/redis_process.hpp"

#include <array>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace telemetry::test {

using journal_ptr = std::unique_ptr<redis::redis_journal>;
using numbered_payload = std::pair<std::uint64_t, std::string>;

inline constexpr std::uint32_t redis_shards = 3;

inline result<journal_ptr> open_redis(const redis_options& options) {
  return redis::redis_journal::open(options, redis_shards, "a store");
}

/// An open journal; fails the test and throws if it cannot be opened.
inline journal_ptr must_open(const redis_options& options) {
  auto opened = open_redis(options);
  if (!opened)
    throw std::runtime_error(opened.error().text);
  return std::move(*opened);
}

inline result<void> append(journal& to, std::uint32_t shard, std::uint64_t batch_no,
                           std::string_view payload = "payload") {
  const std::array parts{payload};
  const std::array batches{
      journal_batch{shard, 1, {batch_no, 10, -990, 20}, record_kind::events, parts}};
  return to.append(batches);
}

inline void append_upto(journal& to, std::uint32_t shard, std::uint64_t upto) {
  for (std::uint64_t batch_no = 1; batch_no <= upto; ++batch_no)
    ASSERT_TRUE(append(to, shard, batch_no));
}

/// What `shard` holds above `after`; fails the test if it cannot be read.
inline std::vector<numbered_payload> replayed(journal& from, std::uint32_t shard,
                                              std::uint64_t after = 0) {
  std::vector<numbered_payload> seen;
  const auto outcome = from.replay(shard, after, [&](const journal_batch& batch) -> result<void> {
    seen.emplace_back(batch.stamp.batch_no, std::string(batch.payload.front()));
    return {};
  });
  EXPECT_TRUE(outcome) << outcome.error().text;
  return seen;
}

inline std::vector<std::uint64_t> numbers(journal& from, std::uint32_t shard,
                                          std::uint64_t after = 0) {
  std::vector<std::uint64_t> out;
  for (const auto& [batch_no, payload] : replayed(from, shard, after))
    out.push_back(batch_no);
  return out;
}

/// Markers of all shards; shard 0 is at `cut`.
inline std::vector<shard_marker> markers_at(std::uint64_t cut) {
  std::vector<shard_marker> out(redis_shards);
  for (std::uint32_t shard = 0; shard < redis_shards; ++shard)
    out[shard].shard = shard;
  out[0].cut = cut;
  return out;
}

/// A failure of this code, with this in its text.
template <class T>
testing::AssertionResult fails_with(const result<T>& outcome, errc code, std::string_view text) {
  if (outcome)
    return testing::AssertionFailure() << "succeeded";
  const failure& why = outcome.error();
  if (why.code == code && why.text.find(text) != std::string::npos)
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << to_string(why.code) << ": " << why.text;
}

/// A prefix of one test in the shared server, deleted afterwards.
class shared_redis_test : public testing::Test {
protected:
  shared_redis_test() : options_(private_redis_options(shared_redis_socket())), client_(options_) {}
  ~shared_redis_test() override { delete_redis_keys(options_); }
  [[nodiscard]] std::string key(std::string_view name) const {
    return options_.prefix + ":" + std::string(name);
  }
  redis_options options_;
  redis_client client_;
};

/// A server of one test, which may do to it what it likes.
class own_redis_test : public testing::Test {
protected:
  own_redis_test() { start(); }
  void start() {
    server_.emplace(directory_.path() / "server");
    options_ = private_redis_options(server_->socket());
    options_.prefix = "t";
  }
  void stop() { server_.reset(); }
  std::string cli(std::initializer_list<std::string_view> arguments) {
    redis_options plain;
    plain.socket = options_.socket;
    return redis_client(plain)(arguments);
  }
  temporary_directory directory_;
  std::optional<redis_process> server_;
  redis_options options_;
};

} // namespace telemetry::test
