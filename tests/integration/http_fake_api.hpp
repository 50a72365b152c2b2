#pragma once

#include "net/rest/api.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace telemetry::net {

/// An engine of plain maps. It answers within the call, unless told to hold its answers back.
class fake_api final : public api {
public:
  std::map<std::string, robot_state> states;
  std::map<std::string, std::vector<event_row>> rows;
  std::optional<failure> fault;             ///< every question is answered by it
  std::optional<std::size_t> fault_at_pull; ///< the stream's pull with this number, from 0, fails
  std::optional<std::string> reason;        ///< of not_ready()
  std::optional<std::string> warning;       ///< of trouble()
  std::size_t piece_rows = 3;
  std::size_t pulls = 0;             ///< calls of next() on all streams
  std::size_t limit_asked = 0;       ///< by the latest list
  std::size_t open_streams = 0;      ///< not destroyed yet
  std::string asked_by;              ///< name of the latest caller
  std::vector<ingest_line> ingested; ///< by the latest call
  std::vector<std::size_t> ingests;  ///< number of events of each call
  ingest_outcome outcome;
  bool hold = false;
  std::deque<std::function<void()>> held; ///< answers held back

  /// A robot on a line, one event a millisecond, from 0 on.
  void add_robot(const std::string& name, std::size_t events) {
    auto& path = rows[name];
    for (std::size_t i = 0; i < events; ++i) {
      const auto at = static_cast<double>(i);
      path.push_back({static_cast<timestamp_ms>(i), {at, 0.5}, at});
    }
    states[name] = {static_cast<timestamp_ms>(events) - 1,
                    {static_cast<double>(events) - 1, 0.5},
                    static_cast<double>(events) - 1,
                    events,
                    1'769'860'800'123,
                    1'769'860'801'000};
  }

  void robot(io_thread&, permitted_name name, callback<std::optional<robot_state>> done) override {
    const auto found = states.find(name.value());
    reply(std::move(done),
          found == states.end() ? std::nullopt : std::optional<robot_state>(found->second));
  }

  void odometer(io_thread&, permitted_name name, timestamp_ms from, timestamp_ms to,
                callback<double> done) override {
    const auto path = select(name.value(), from, to);
    reply(std::move(done), path.empty() ? 0.0 : path.back().odometer - path.front().odometer);
  }

  std::unique_ptr<pull_stream<named_robot>>
  robots(io_thread&, const caller& who, const std::string& after, std::size_t limit) override {
    asked_by = who.name;
    std::vector<named_robot> found;
    for (auto one = states.upper_bound(after); one != states.end() && found.size() < limit; ++one)
      found.push_back({one->first, one->second});
    limit_asked = limit;
    return std::make_unique<stream<named_robot>>(*this, std::move(found));
  }

  std::unique_ptr<pull_stream<event_row>> events(io_thread&, permitted_name name, timestamp_ms from,
                                                 timestamp_ms to, std::size_t limit) override {
    auto found = select(name.value(), from, to);
    found.resize(std::min(limit, found.size()));
    limit_asked = limit;
    return std::make_unique<stream<event_row>>(*this, std::move(found));
  }

  void ingest(io_thread&, caller_ptr who, std::vector<ingest_line> events,
              callback<ingest_outcome> done) override {
    asked_by = who->name;
    ingested = std::move(events);
    ingests.push_back(ingested.size());
    reply(std::move(done), outcome);
  }

  std::optional<std::string> not_ready() const override { return reason; }
  std::optional<std::string> trouble() const override { return warning; }

  /// Gives the answers that were held back.
  void release() {
    while (!held.empty())
      std::exchange(held.front(), nullptr)(), held.pop_front();
  }

private:
  template <class T>
  void reply(callback<T> done, T value) {
    result<T> answer = fault ? result<T>(*fault) : result<T>(std::move(value));
    auto say = [done = std::move(done), answer = std::move(answer)] { done(answer); };
    if (hold)
      held.emplace_back(std::move(say));
    else
      say();
  }

  /// Rows in pieces of piece_rows. Ends as the contract says: what is due is dropped.
  template <class Row>
  class stream final : public pull_stream<Row> {
  public:
    stream(fake_api& owner, std::vector<Row> found) : owner_(owner), found_(std::move(found)) {
      ++owner_.open_streams;
    }
    ~stream() override { --owner_.open_streams; }

    void next(callback<std::vector<Row>> done) override {
      if (owner_.fault_at_pull == owner_.pulls++)
        return done(failure{errc::unavailable, "the store went away"});
      const std::size_t count = std::min(owner_.piece_rows, found_.size() - at_);
      const auto begin = found_.begin() + static_cast<std::ptrdiff_t>(at_);
      at_ += count;
      std::vector<Row> piece(begin, begin + static_cast<std::ptrdiff_t>(count));
      owner_.reply<std::vector<Row>>(
          [alive = std::weak_ptr<int>(alive_), done = std::move(done)](auto answer) {
            if (!alive.expired())
              done(std::move(answer));
          },
          std::move(piece));
    }

  private:
    fake_api& owner_;
    std::vector<Row> found_;
    std::size_t at_ = 0;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  };

  std::vector<event_row> select(const std::string& name, timestamp_ms from, timestamp_ms to) {
    std::vector<event_row> found;
    for (const event_row& row : rows[name])
      if (row.timestamp >= from && row.timestamp <= to)
        found.push_back(row);
    return found;
  }
};

} // namespace telemetry::net
