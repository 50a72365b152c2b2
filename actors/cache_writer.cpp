#include "actors/cache_writer.hpp"

#include "config/log.hpp"

namespace telemetry {

namespace {

/// Most robots in an answer of a shard, and in a page of the robot table. Bounds memory.
constexpr std::size_t robots_per_piece = 10'000;

} // namespace

cache_writer::cache_writer(caf::actor_config& config, engine_context& context, state_cache& cache,
                           event_store& store)
    : cache_writer_actor::base(config), context_(context), cache_(cache), store_(store) {}

cache_writer::behavior_type cache_writer::make_behavior() {
  end_process_on_exception(*this, context_);
  send(this, refresh_atom_v);
  return {
      [this](refresh_atom) { sweep(); },
  };
}

void cache_writer::sweep() {
  is_rebuilding_ = false;
  shards_ = context_.places.all();
  if (shards_.empty()) // the shard host has not begun yet
    return end_sweep();
  if (context_.cache_lacks_robots.exchange(false))
    is_whole_ = false;
  if (!is_whole_ || cache_.needs_rebuild())
    begin_rebuild();
  else
    ask_for_changes();
}

void cache_writer::begin_rebuild() {
  const auto begun = cache_.begin_rebuild();
  note(begun);
  if (!begun)
    return ask_for_changes(); // put() drops them; their robots may then leave memory
  is_rebuilding_ = true;
  is_whole_ = true;
  shards_due_ = shards_.size();
  const auto marked = [this] {
    if (--shards_due_ > 0)
      return;
    copy_table();
    ask_for_changes();
  };
  for (const auto& shard : shards_)
    request(shard, caf::infinite, mark_atom_v) // no deadline, as in the checkpointer
        .then([marked](bool) { marked(); }, [marked](const caf::error&) { marked(); });
}

void cache_writer::copy_table() {
  std::string after;
  for (bool more = true; more && is_whole_;) {
    const auto table = store_.scan_robots(after, "", robots_per_piece);
    if (!table) {
      is_whole_ = false;
      return note(table.error());
    }
    const auto& rows = table->rows;
    std::vector<listed_robot> page;
    page.reserve(rows.size());
    for (const auto& row : rows)
      page.push_back({row.name, row.state});
    put(page);
    more = rows.size() == robots_per_piece;
    if (more)
      after = rows.back().name;
  }
}

void cache_writer::ask_for_changes() {
  shards_due_ = shards_.size();
  for (const auto& shard : shards_)
    ask(shard);
}

void cache_writer::ask(const shard_actor& shard) {
  request(shard, caf::infinite, changed_atom_v, std::uint64_t{robots_per_piece})
      .then([this, shard](const listed_robots& changed) { take_changes(shard, changed); },
            [this](const caf::error&) { shard_done(); });
}

void cache_writer::take_changes(const shard_actor& shard, const listed_robots& changed) {
  put(*changed);
  if (changed->size() == robots_per_piece)
    ask(shard);
  else
    shard_done();
}

void cache_writer::shard_done() {
  if (--shards_due_ == 0)
    end_sweep();
}

void cache_writer::end_sweep() {
  if (is_rebuilding_ && is_whole_)
    note(cache_.end_rebuild());
  delayed_send(this, context_.options.cache_interval, refresh_atom_v);
}

/// Drops the robots if the write fails. The cache is then no longer whole.
void cache_writer::put(const std::vector<listed_robot>& robots) {
  if (robots.empty() || !is_whole_)
    return;
  std::vector<named_state> states;
  states.reserve(robots.size());
  for (const auto& robot : robots)
    states.push_back({robot.name, robot.state});
  note(cache_.put(states));
}

void cache_writer::note(const result<void>& outcome) {
  if (!outcome) {
    is_whole_ = false;
    if (!std::exchange(is_away_, true))
      log::warn("cache is away; events and queries go on without it",
                {{"error", to_string(outcome.error().code)}, {"reason", outcome.error().text}});
  } else if (std::exchange(is_away_, false)) {
    log::info("cache takes writes again");
  }
}

} // namespace telemetry
