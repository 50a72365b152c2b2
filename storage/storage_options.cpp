#include "config/options.hpp"
#include "storage/open_storage.hpp"

namespace telemetry {

storage_options storage_options::from(const config::options& settings) {
  return {.data_dir = settings.storage.data_dir,
          .shards = settings.storage.shards,
          .min_free_bytes = settings.storage.min_free,
          .cache_bytes = settings.storage.cache};
}

} // namespace telemetry
