#pragma once

#include "actors/answer_queue.hpp"
#include "net/rest/api.hpp"

#include <caf/all.hpp>

namespace telemetry {

/// INGEST: the events of one POST body, a piece at a time, in order. Run inline by its lane.
class ingest final : public participant, private flushable {
public:
  static inline const char* const actor_name = "ingest";

  ingest(caf::actor_config& config, lane& home, net::caller_ptr who,
         std::vector<net::ingest_line> events, net::callback<net::ingest_outcome> reply);
  [[nodiscard]] const char* name() const override { return actor_name; }
  void on_verdicts() override { advance(); }

  /// Starts one on `home`; to be called on its thread.
  static void start(lane& home, net::caller_ptr who, std::vector<net::ingest_line> events,
                    net::callback<net::ingest_outcome> done);

protected:
  behavior_type make_behavior() override;
  void on_exit() override { answers_.clear(); }

private:
  static constexpr std::size_t refusals_max = 100;
  /// Most events that a turn of the I/O thread takes. They take about 0.1 ms.
  static constexpr std::size_t turn_events_max = 1024;

  void flush() override;
  void advance();
  void submit_next();
  void count_answers();
  void count_outcome(verdict what);
  void count_refusal(std::string_view reason);
  void finish(result<net::ingest_outcome> outcome);

  lane& home_;
  const net::caller_ptr who_;
  std::vector<net::ingest_line> events_;
  net::callback<net::ingest_outcome> done_; ///< empty once it was called
  std::size_t submitted_ = 0;               ///< events handed to the lane, or refused
  std::size_t answered_ = 0;                ///< of those submitted, in order
  answer_queue answers_;
  net::ingest_outcome outcome_;
  bool waits_for_credit_ = false; ///< in the lane's list
  bool waits_for_turn_ = false;   ///< the lane calls flush()
};

} // namespace telemetry
