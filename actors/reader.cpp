#include "actors/reader.hpp"

#include "actors/lane.hpp"
#include "core/event_codec.hpp"

#include <algorithm>

namespace telemetry {

namespace {

constexpr std::chrono::milliseconds retry_delay{250};

} // namespace

reader::reader(caf::actor_config& config, engine_context& context, event_store& store)
    : reader_actor::base(config), context_(context), store_(store),
      askers_(config.host->system(), inline_unit::leftover::is_handed_over) {}

reader::behavior_type reader::make_behavior() {
  end_process_on_exception(*this, context_);
  return {
      [this](load_atom, const shard_actor& shard, const activation_ptr& wanted) {
        load(shard, wanted);
      },
      [this](lookup_atom, const old_events& olds) { look_up(olds); },
      [this](state_atom, const std::string& name) { return answer(row(name)); },
      [this](rows_atom, robot_id robot, timestamp_ms from, timestamp_ms to, std::uint64_t limit) {
        return answer(store_.scan(robot, from, to, limit));
      },
      [this](ends_atom, robot_id robot, timestamp_ms from, timestamp_ms to) {
        return answer(store_.ends(robot, from, to));
      },
      [this](list_atom, const std::string& after, const std::string& before, std::uint64_t limit) {
        return answer(list(after, before, limit));
      },
  };
}

template <class T>
caf::result<T> reader::answer(T what) {
  auto promise = make_response_promise<T>();
  auto* const own = context();
  context(&askers_);
  promise.deliver(std::move(what));
  context(own);
  askers_.run();
  return promise;
}

void reader::load(const shard_actor& shard, const activation_ptr& wanted) {
  auto rows = store_.robots(wanted->names);
  if (!rows) {
    check_retry(rows.error());
    delayed_send(this, retry_delay, load_atom_v, shard, wanted);
    return;
  }
  wanted->rows = std::move(*rows);
  send(shard, loaded_atom_v, wanted);
}

void reader::look_up(const old_events& olds) {
  std::sort(olds->begin(), olds->end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  std::vector<event_store::key> keys;
  keys.reserve(olds->size());
  for (const auto& old : *olds)
    keys.push_back(old.key);
  const auto found = store_.exact(keys);
  if (!found) {
    check_retry(found.error());
    delayed_send(this, retry_delay, lookup_atom_v, olds);
    return;
  }
  late_verdicts answers;
  answers.reserve(olds->size());
  for (std::size_t i = 0; i < olds->size(); ++i) {
    const auto& old = (*olds)[i];
    const auto& held = (*found)[i];
    auto& answer = answers.emplace_back(old.answer);
    const auto& part = answer.place.part();
    const auto event =
        read_encoded_event(part.bytes.data() + part.items[answer.place.index].offset);
    if (!held) {
      answer.what = verdict::damaged;
      context_.damaged.see(event.robot, held.error(), context_.time.steady_ms());
    } else if (*held) {
      answer.what = **held == old.at ? verdict::duplicate : verdict::conflict;
    } else {
      answer.what = verdict::stale;
      context_.stale.note(event.robot, answer.seal_point, context_.time.steady_ms());
    }
  }
  lane::answer_late(std::move(answers));
}

robot_outcome reader::row(const std::string& name) {
  const std::string_view names[] = {name};
  auto rows = store_.robots(names);
  if (!rows)
    return rows.error();
  return std::move(rows->front());
}

/// A list leaves out the robots whose rows are damaged.
result<std::vector<robot_row>> reader::list(const std::string& after, const std::string& before,
                                            std::size_t limit) {
  auto page = store_.scan_robots(after, before, limit);
  if (!page)
    return page.error();
  for (const auto& one : page->damaged)
    context_.damaged.see(one.name, one.why, context_.time.steady_ms());
  return std::move(page->rows);
}

void reader::check_retry(const failure& why) {
  if (why.code == errc::corrupt || why.code == errc::sync_failed)
    context_.fatal(why);
}

} // namespace telemetry
