// The events of one robot, in pieces.

#include "actors/queries.hpp"
#include "actors/query_base.hpp"

#include <algorithm>

namespace telemetry::query {

namespace {

constexpr std::size_t rows_per_piece = 2'048;

struct piece {
  std::vector<event_row> rows;
  timestamp_ms next = 0; ///< where the piece after this one starts
  bool last = false;
};

/// Reads memory first, then the store up to the last timestamp that it had in that turn. Later
/// events come from memory.
class piece_query final : public base<piece> {
public:
  piece_query(engine_context& context, net::io_thread& io, std::string robot, timestamp_ms from,
              timestamp_ms to, std::size_t limit, net::callback<piece> reply)
      : base(context, io, std::move(reply)), robot_(std::move(robot)), from_(from), to_(to),
        limit_(limit) {}

protected:
  void start() override { ask_memory(); }
  [[nodiscard]] std::string_view robot() const override { return robot_; }

private:
  void ask_memory() {
    ask(shard_for(robot_), rows_atom_v, robot_, from_, to_, std::uint64_t{limit_})
        .then([this](const memory_view& memory) { use(memory); }, on_error());
  }

  void use(const memory_view& memory) {
    if (memory.damage)
      return answer(*memory.damage);
    stored_upto_ = memory.stored_upto;
    if (!memory.live)
      ask_row(robot_, [this](const robot_row* row) {
        row != nullptr ? ask_store(row->id) : finish({}, true);
      });
    else if (memory.id != 0 && from_ <= stored_upto_)
      ask_store(memory.id);
    else
      finish(memory.rows, memory.rows.size() < limit_);
  }

  void ask_store(robot_id id) {
    const auto upto = std::min(to_, stored_upto_);
    ask(reader_for(robot_), rows_atom_v, id, from_, upto, std::uint64_t{limit_})
        .then(
            [this, upto](const result<std::vector<event_row>>& rows) {
              if (!rows)
                return answer(rows.error());
              if (rows->size() == limit_ || upto == to_)
                return finish(*rows, rows->size() < limit_);
              from_ = upto + 1; // the rest is in memory
              if (rows->empty())
                return ask_memory();
              answer(piece{*rows, from_, false});
            },
            on_error());
  }

  void finish(std::vector<event_row> rows, bool last) {
    const auto next = rows.empty() ? from_ : rows.back().timestamp + 1;
    answer(piece{std::move(rows), next, last || next > to_});
  }

  std::string robot_;
  timestamp_ms from_;
  timestamp_ms to_;
  std::size_t limit_;
  timestamp_ms stored_upto_ = -1;
};

class event_stream final : public net::pull_stream<event_row> {
public:
  event_stream(engine_context& context, net::io_thread& io, std::string robot, timestamp_ms from,
               timestamp_ms to, std::size_t limit)
      : context_(context), io_(io), state_(std::make_shared<state>()) {
    state_->robot = std::move(robot);
    state_->from = from;
    state_->to = to;
    state_->left = limit;
  }

  void next(net::callback<std::vector<event_row>> done) override {
    if (state_->left == 0)
      return done(std::vector<event_row>{});
    ask<piece_query>(context_, io_, state_->robot, state_->from, state_->to,
                     std::min(state_->left, rows_per_piece),
                     [weak = std::weak_ptr{state_}, done = std::move(done)](result<piece> got) {
                       const auto here = weak.lock();
                       if (!here)
                         return; // the stream has been destroyed
                       if (!got)
                         return done(got.error());
                       here->from = got->next;
                       here->left = got->last ? 0 : here->left - got->rows.size();
                       done(std::move(got->rows));
                     });
  }

private:
  struct state {
    std::string robot;
    timestamp_ms from;
    timestamp_ms to;
    std::size_t left;
  };
  engine_context& context_;
  net::io_thread& io_;
  std::shared_ptr<state> state_;
};

} // namespace

std::unique_ptr<net::pull_stream<event_row>> events(engine_context& context, net::io_thread& io,
                                                    std::string name, timestamp_ms from,
                                                    timestamp_ms to, std::size_t limit) {
  return std::make_unique<event_stream>(context, io, std::move(name), from, to, limit);
}

} // namespace telemetry::query
