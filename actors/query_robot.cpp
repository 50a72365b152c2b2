// Questions about one robot: its latest state, and the odometer of a range.

#include "actors/queries.hpp"
#include "actors/query_base.hpp"

namespace telemetry::query {

namespace {

class state_query final : public base<std::optional<robot_state>> {
public:
  state_query(engine_context& context, net::io_thread& io, std::string robot,
              net::callback<std::optional<robot_state>> reply)
      : base(context, io, std::move(reply)), robot_(std::move(robot)) {}

protected:
  void start() override {
    ask(shard_for(robot_), state_atom_v, robot_)
        .then(
            [this](const memory_view& memory) {
              if (memory.damage)
                return answer(*memory.damage);
              if (memory.live)
                return answer(memory.latest);
              ask_row(robot_, [this](const robot_row* row) {
                answer(row != nullptr ? std::optional{row->state} : std::nullopt);
              });
            },
            on_error());
  }
  [[nodiscard]] std::string_view robot() const override { return robot_; }

private:
  std::string robot_;
};

/// The difference of two running values. Takes two seeks, whatever the length of the range.
class odometer_query final : public base<double> {
public:
  odometer_query(engine_context& context, net::io_thread& io, std::string robot, timestamp_ms from,
                 timestamp_ms to, net::callback<double> reply)
      : base(context, io, std::move(reply)), robot_(std::move(robot)), from_(from), to_(to) {}

protected:
  void start() override {
    ask(shard_for(robot_), ends_atom_v, robot_, from_, to_)
        .then([this](const memory_view& memory) { use(memory); }, on_error());
  }
  [[nodiscard]] std::string_view robot() const override { return robot_; }

private:
  void use(const memory_view& memory) {
    if (memory.damage)
      return answer(*memory.damage);
    if (!memory.rows.empty())
      memory_ = {memory.rows.front(), memory.rows.back()};
    to_ = std::min(to_, memory.stored_upto); // the end of the range in the store
    if (memory.live)
      return memory.id != 0 && from_ <= to_ ? ask_store(memory.id) : finish({});
    ask_row(robot_,
            [this](const robot_row* row) { row != nullptr ? ask_store(row->id) : finish({}); });
  }

  void ask_store(robot_id id) {
    if (auto* const memory = cached())
      if (const auto ends = memory->cached_ends(id, from_, to_))
        return finish(*ends);
    ask(reader_for(robot_), ends_atom_v, id, from_, to_)
        .then(
            [this](const result<range_ends>& ends) {
              if (ends)
                finish(*ends);
              else
                answer(ends.error());
            },
            on_error());
  }

  void finish(const range_ends& stored) {
    const auto& first = stored.first ? stored.first : memory_.first;
    const auto& last = memory_.last ? memory_.last : stored.last;
    answer(first && last ? last->odometer - first->odometer : 0.0);
  }

  std::string robot_;
  timestamp_ms from_;
  timestamp_ms to_;
  range_ends memory_;
};

} // namespace

void robot(engine_context& context, net::io_thread& io, std::string name,
           net::callback<std::optional<robot_state>> done) {
  ask<state_query>(context, io, std::move(name), std::move(done));
}

void odometer(engine_context& context, net::io_thread& io, std::string name, timestamp_ms from,
              timestamp_ms to, net::callback<double> done) {
  ask<odometer_query>(context, io, std::move(name), from, to, std::move(done));
}

} // namespace telemetry::query
