// The list of robots, in pieces: the robot table merged with the newer states in memory.

#include "actors/queries.hpp"
#include "actors/query_base.hpp"

#include <algorithm>
#include <unordered_set>

namespace telemetry::query {

namespace {

constexpr std::size_t names_per_piece = 2'048;

struct piece {
  std::vector<net::named_robot> robots;
  std::string upto; ///< last name that the piece covers; "" if it covers the range
};

/// Reads a range of the robot table, then asks the shards for these robots and for robots that the
/// table may not have. Reads the range again if the store took a checkpoint meanwhile, because
/// robots that left memory after it are in neither answer (rule 29). The newer of two states of a
/// robot counts.
class list_query final : public base<piece> {
public:
  list_query(engine_context& context, net::io_thread& io, name_range range,
             net::callback<piece> reply)
      : base(context, io, std::move(reply)), range_(std::move(range)) {}

protected:
  void start() override {
    scan([this](std::vector<robot_row> rows) { ask_shards(std::move(rows)); });
  }

private:
  template <class Then>
  void scan(Then then) {
    version_ = context_.store_version;
    ask(context_.readers.front(), list_atom_v, range_.after, range_.before,
        std::uint64_t{names_per_piece})
        .then(
            [this, then](result<std::vector<robot_row>>& rows) {
              if (rows)
                then(std::move(*rows));
              else
                answer(rows.error());
            },
            on_error());
  }

  void ask_shards(std::vector<robot_row> rows) {
    rows_ = std::move(rows);
    upto_ = rows_.size() == names_per_piece ? rows_.back().name : "";
    memory_.clear();
    withheld_.clear();
    std::vector<std::shared_ptr<list_question>> questions;
    for (std::size_t i = 0; i < context_.places.size(); ++i)
      questions.push_back(
          std::make_shared<list_question>(list_question{range_, upto_, {}, names_per_piece}));
    for (const auto& row : rows_)
      questions[shard_index(row.name)]->names.push_back(row.name);
    unanswered_ = questions.size();
    for (std::uint32_t shard = 0; shard < questions.size(); ++shard)
      ask(context_.places.at(shard), list_atom_v, list_question_ptr{std::move(questions[shard])})
          .then([this](const list_answer& part) { collect(part); }, on_error());
  }

  void collect(const list_answer& part) {
    memory_.reserve(memory_.size() + part.states.size());
    for (const auto& one : part.states)
      memory_.push_back({one.name, one.state});
    withheld_.insert(part.withheld.begin(), part.withheld.end());
    shorten(part.cut_after);
    if (--unanswered_ > 0)
      return;
    if (context_.store_version == version_)
      return merge(std::move(rows_));
    scan([this](std::vector<robot_row> rows) { merge_again(std::move(rows)); });
  }

  /// Ends the piece at `name`, unless it ends before.
  void shorten(const std::string& name) {
    if (!name.empty() && (upto_.empty() || name < upto_))
      upto_ = name;
  }

  void merge_again(std::vector<robot_row> rows) {
    // A robot that entered the table between the first reading and its shard's answer was neither
    // asked for nor unlisted. Its shard must be asked, because memory may have newer events than
    // the row.
    std::unordered_set<std::string_view> asked;
    for (const auto& row : rows_)
      asked.insert(row.name);
    for (const auto& one : memory_)
      asked.insert(one.name);
    if (std::any_of(rows.begin(), rows.end(),
                    [&](const robot_row& row) { return !asked.contains(row.name); }))
      return ask_shards(std::move(rows));
    merge(std::move(rows));
  }

  void merge(std::vector<robot_row> rows) {
    if (rows.size() == names_per_piece)
      shorten(rows.back().name);
    std::sort(memory_.begin(), memory_.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    piece out;
    out.upto = upto_;
    out.robots.reserve(rows.size() + memory_.size());
    const auto add = [&](std::string& name, const robot_state& state) {
      if (!withheld_.empty() && withheld_.contains(name))
        return;
      if (out.robots.empty() || out.robots.back().name != name)
        out.robots.push_back({std::move(name), state});
      else if (state.events > out.robots.back().state.events)
        out.robots.back().state = state;
    };
    auto seen = memory_.begin();
    for (auto& row : rows) {
      for (; seen != memory_.end() && seen->name <= row.name; ++seen)
        add(seen->name, seen->state);
      add(row.name, row.state);
    }
    for (; seen != memory_.end(); ++seen)
      add(seen->name, seen->state);
    while (!upto_.empty() && !out.robots.empty() && out.robots.back().name > upto_)
      out.robots.pop_back();
    answer(std::move(out));
  }

  name_range range_;
  std::string upto_;
  std::size_t unanswered_ = 0;
  std::uint64_t version_ = 0;   ///< of the store, before it was read
  std::vector<robot_row> rows_; ///< of the robots that the shards are asked for
  std::vector<net::named_robot> memory_;
  std::unordered_set<std::string> withheld_; ///< damaged when the shards answered
};

class robot_stream final : public net::pull_stream<net::named_robot> {
public:
  robot_stream(engine_context& context, net::io_thread& io, std::vector<name_range> ranges,
               std::size_t limit)
      : context_(context), io_(io), state_(std::make_shared<state>()) {
    state_->ranges = std::move(ranges);
    state_->left = limit;
  }

  void next(net::callback<std::vector<net::named_robot>> done) override {
    next_piece(context_, io_, state_, std::move(done));
  }

private:
  struct state {
    std::vector<name_range> ranges; ///< the first of those that are left begins at `done`
    std::size_t done = 0;
    std::size_t left; ///< robots

    [[nodiscard]] bool is_over() const { return left == 0 || done == ranges.size(); }
    /// Goes on above `upto`, or in the next range if that is "".
    void advance(std::string upto) {
      if (upto.empty())
        ++done;
      else
        ranges[done].after = std::move(upto);
    }
  };

  static void next_piece(engine_context& context, net::io_thread& io,
                         const std::shared_ptr<state>& here,
                         net::callback<std::vector<net::named_robot>> done) {
    if (here->is_over())
      return done(std::vector<net::named_robot>{});
    ask<list_query>(context, io, here->ranges[here->done],
                    [&context, &io, weak = std::weak_ptr{here},
                     done = std::move(done)](result<piece> got) mutable {
                      const auto stream = weak.lock();
                      if (!stream)
                        return;
                      if (!got)
                        return done(got.error());
                      auto& robots = got->robots;
                      if (robots.size() > stream->left)
                        robots.resize(stream->left);
                      stream->left -= robots.size();
                      stream->advance(std::move(got->upto));
                      // An empty piece would end the stream.
                      if (robots.empty() && !stream->is_over())
                        return next_piece(context, io, stream, std::move(done));
                      done(std::move(robots));
                    });
  }

  engine_context& context_;
  net::io_thread& io_;
  std::shared_ptr<state> state_;
};

} // namespace

std::unique_ptr<net::pull_stream<net::named_robot>>
robots(engine_context& context, net::io_thread& io, const name_filter& permitted,
       const std::string& after, std::size_t limit) {
  return std::make_unique<robot_stream>(context, io, permitted.ranges_above(after), limit);
}

} // namespace telemetry::query
