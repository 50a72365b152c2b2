#pragma once

#include "tests/support/engine_harness.hpp"

#include <deque>

namespace telemetry::test {

/// A producer that keeps to PROTOCOL.md §3: sends its plan in order, several messages in flight,
/// and everything unanswered again after a broken connection, oldest first. Checks every answer
/// against the log the moment it is given.
class random_producer {
public:
  random_producer(std::size_t id, std::vector<sent_event> plan) : id_(id), plan_(std::move(plan)) {}

  [[nodiscard]] bool connected() const { return upstream_ != nullptr; }
  [[nodiscard]] bool finished() const { return acked_ == plan_.size(); }
  [[nodiscard]] bool nothing_waits() const { return in_flight_.empty(); }

  void connect(engine_harness& to, std::size_t thread) {
    peer_ = std::make_unique<recording_peer>();
    peer_->on_answer = [this, &log = to.database.log](const std::string& text) {
      check(log, text);
    };
    upstream_ = to.connect(*peer_, thread);
    next_ = acked_;
  }

  /// The connection breaks; answers on their way are lost.
  void disconnect() {
    upstream_.reset();
    peer_.reset();
    in_flight_.clear();
    received_ = 0;
    given_ = 0;
    next_ = acked_;
  }

  /// Sends up to `messages` messages of up to `lines` lines in one read, if the engine reads.
  void send(std::size_t messages, std::size_t lines) {
    if (!upstream_->may_read())
      return;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < messages && next_ < plan_.size(); ++i) {
      std::string text;
      message sent{next_, 0};
      for (; sent.lines < lines && next_ < plan_.size(); ++sent.lines)
        text += line_of(plan_[next_++]) + (sent.lines % 2 == 0 ? "\n" : "\r\n");
      texts.push_back(std::move(text));
      in_flight_.push_back(sent);
    }
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    upstream_->on_messages(views);
  }

  /// Takes in the answers that were sent off. @returns the events that have an OK now.
  std::vector<sent_event> receive(const whole_log& log) {
    std::vector<sent_event> ok;
    for (; peer_ && received_ < peer_->flushed; ++received_) {
      const auto lines = in_flight_.front().lines;
      in_flight_.pop_front();
      --given_;
      for (std::size_t i = 0; i < lines; ++i, ++acked_)
        if (log.answers(plan_[acked_], "OK"))
          ok.push_back(plan_[acked_]);
    }
    return ok;
  }

private:
  struct message {
    std::size_t first; ///< of the plan
    std::size_t lines;
  };

  void check(const whole_log& log, std::string_view text) {
    ASSERT_LT(given_, in_flight_.size()) << "an answer that nobody waits for";
    const auto& about = in_flight_[given_++];
    for (std::size_t i = 0; i < about.lines; ++i) {
      const auto end = std::min(text.find('\n'), text.size());
      const std::string line{text.substr(0, end)};
      text.remove_prefix(std::min(end + 1, text.size()));
      const auto& event = plan_[about.first + i];
      ASSERT_TRUE(log.holds(event)) << "producer " << id_ << ": answered before it was durable";
      ASSERT_TRUE(log.answers(event, line))
          << "producer " << id_ << ": " << line_of(event) << " was answered " << line
          << ", which is not what the log says";
    }
    ASSERT_TRUE(text.empty()) << "more lines than were sent";
  }

  std::size_t id_;
  std::vector<sent_event> plan_;
  std::size_t next_ = 0;  ///< to be sent
  std::size_t acked_ = 0; ///< answered, and the answer has arrived
  std::unique_ptr<recording_peer> peer_;
  std::unique_ptr<net::upstream> upstream_;
  std::deque<message> in_flight_; ///< of this connection
  std::size_t given_ = 0;         ///< of in_flight_: answered by the engine
  std::size_t received_ = 0;      ///< of the peer's answers
};

} // namespace telemetry::test
