#include "actors/watchdog.hpp"

#include "actors/free_memory.hpp"
#include "actors/lane.hpp"
#include "config/log.hpp"

namespace telemetry {

namespace {

constexpr std::chrono::milliseconds period{1'000};
constexpr std::int64_t back_pressure_ms = 1'000; ///< shorter ones are the normal give and take

} // namespace

watchdog::watchdog(caf::actor_config& config, engine_context& context,
                   std::function<result<std::uint64_t>()> free_bytes)
    : watchdog_actor::base(config), context_(context), free_bytes_(std::move(free_bytes)) {}

watchdog::behavior_type watchdog::make_behavior() {
  end_process_on_exception(*this, context_);
  send(this, watch_atom_v);
  return {
      [this](watch_atom) {
        watch_space();
        watch_credit();
        watch_answers();
        watch_memory();
        watch_damage();
        delayed_send(this, period, watch_atom_v);
      },
  };
}

void watchdog::watch_space() {
  const auto free = free_bytes_();
  if (!free)
    return;
  context_.disk_is_full.store(*free < context_.options.free_bytes_min);
  const bool low = *free < context_.options.free_bytes_warn;
  if (low && !space_is_low_)
    log::warn("disk is nearly full: below storage.min_free no event is taken",
              {{"free_bytes", *free},
               {"min_free_bytes", context_.options.free_bytes_min},
               {"warn_free_bytes", context_.options.free_bytes_warn}});
  if (!low && space_is_low_)
    log::info("disk has room again", {{"free_bytes", *free}});
  space_is_low_ = low;
}

void watchdog::watch_credit() {
  const auto closed_ms = context_.credit.closed_ms();
  if (closed_ms >= back_pressure_ms && !std::exchange(back_pressure_, true))
    log::warn("back-pressure begins: producers are not read",
              {{"reason", context_.health.away().value_or(what_fills_memory())},
               {"memory_bytes", context_.credit.memory_bytes()}});
  if (closed_ms == 0 && std::exchange(back_pressure_, false))
    log::info("back-pressure ends");
  if (context_.health.away_ms() < context_.options.stall_limit.count())
    return;
  for (const auto& one : context_.lanes)
    one->io().post([where = one] { where->on_stall(); });
}

const char* watchdog::what_fills_memory() const {
  const auto& credit = context_.credit;
  return credit.bytes(charge::robots) > credit.bytes(charge::rows)
             ? "new robots come faster than others can leave memory"
             : "the store cannot keep up";
}

void watchdog::watch_answers() {
  tell_silence(journal_, context_.health.journal_answering());
  tell_silence(store_, context_.health.store_answering());
  tell_silence(shards_, context_.health.shards_answering());
}

/// Two lines per silence. One that refuses has said so: then its attempts may hang without a word,
/// and a silence that ends in a refusal ends with the refusal.
void watchdog::tell_silence(watched& one, storage_health::answering now) const {
  const auto now_ms = context_.time.steady_ms();
  if (now.silence_ms > 0 && !now.refuses && !one.silent_since_ms) {
    one.silent_since_ms = now_ms - now.silence_ms;
    log::warn(one.silent_text,
              {{"reason", storage_health::silence_text(one.what, now.silence_ms)}});
  }
  if (now.silence_ms == 0 && !now.refuses && one.silent_since_ms) {
    const auto away_ms = now_ms - *std::exchange(one.silent_since_ms, std::nullopt);
    log::info(one.again_text, {{"away_seconds", away_ms / 1'000}});
  }
}

/// The pages of actors that were passivated in numbers go back to the machine.
void watchdog::watch_memory() {
  if (context_.memory_freed.exchange(false))
    release_free_memory();
}

void watchdog::watch_damage() {
  constexpr std::int64_t pause_ms = 60'000;
  const auto now_ms = context_.time.steady_ms();
  const auto found = context_.damaged.summarize(now_ms);
  if (!found || (damage_told_ms_ && now_ms - *damage_told_ms_ < pause_ms))
    return;
  damage_told_ms_ = now_ms;
  log::error("stored rows are damaged: their robots are not served, all others are",
             {{"robots", found->robots}, {"robot", found->first}, {"reason", found->why.text}});
}

} // namespace telemetry
