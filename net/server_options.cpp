#include "net/server_options.hpp"

namespace telemetry::net {

server_options server_options::from(const config::options& settings) {
  return {.host = settings.net.host,
          .port = settings.net.port,
          .unix_socket = {.path = settings.net.unix_socket,
                          .mode = settings.net.unix_mode,
                          .owner = settings.net.unix_owner},
          .io_threads = settings.net.io_threads,
          .connections_max = settings.net.connections_max,
          .unproven_max = settings.net.unproven_max,
          .memory_bytes_max = settings.net.memory_max,
          .message_bytes_max = settings.ingest.max_message,
          .body_bytes_max = settings.ingest.max_body,
          .idle_timeout = settings.net.idle_timeout,
          .read_delay = settings.net.read_delay,
          .version = std::string{config::version()}};
}

} // namespace telemetry::net
