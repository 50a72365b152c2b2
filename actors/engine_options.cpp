#include "actors/engine_options.hpp"

namespace telemetry {

engine_options engine_options::from(const config::options& settings) {
  return {.reorder_window = settings.reorder.window,
          .future_limit = settings.ingest.future_limit,
          .stall_limit = settings.ingest.stall_limit,
          .in_flight_max = settings.ingest.max_in_flight,
          .in_flight_bytes_max = settings.ingest.max_in_flight_bytes,
          .robots_idle = settings.robots.idle,
          .robots_active_max = settings.robots.active_max,
          .memory_bytes_max = settings.storage.memory_max,
          .checkpoint_interval = settings.checkpoint.interval,
          .checkpoint_events = settings.checkpoint.events,
          .query_timeout = settings.query.timeout,
          .cache_interval = settings.cache.redis == config::toggle::on
                                ? settings.cache.interval
                                : std::chrono::milliseconds{0},
          .readers = settings.query.threads,
          .workers = settings.scheduler.threads,
          .free_bytes_warn = settings.storage.warn_free,
          .free_bytes_min = settings.storage.min_free};
}

} // namespace telemetry
