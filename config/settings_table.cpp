#include "config/settings.hpp"

#include <array>

namespace telemetry::config {
namespace {

constexpr std::uint64_t kib = std::uint64_t{1} << 10;
constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t gib = std::uint64_t{1} << 30;
constexpr std::uint64_t tib = std::uint64_t{1} << 40;
constexpr std::uint64_t second = 1'000;
constexpr std::uint64_t hour = 3'600 * second;

using place = slot (*)(options&);

constexpr setting count(std::string_view key, place at, std::uint64_t least, std::uint64_t most,
                        std::string_view meaning) {
  return {key, unit::count, at, least, most, {}, meaning};
}
constexpr setting size(std::string_view key, place at, std::uint64_t least, std::uint64_t most,
                       std::string_view meaning) {
  return {key, unit::bytes, at, least, most, {}, meaning};
}
constexpr setting duration(std::string_view key, place at, std::uint64_t least, std::uint64_t most,
                           std::string_view meaning) {
  return {key, unit::milliseconds, at, least, most, {}, meaning};
}
constexpr setting mode(std::string_view key, place at, std::uint64_t least, std::uint64_t most,
                       std::string_view meaning) {
  return {key, unit::octal, at, least, most, {}, meaning};
}
constexpr setting text(std::string_view key, place at, std::uint64_t least, std::uint64_t most,
                       std::string_view meaning) {
  return {key, unit::text, at, least, most, {}, meaning};
}
constexpr setting addresses(std::string_view key, place at, std::string_view meaning) {
  return {key, unit::addresses, at, 1, 4'000, {}, meaning};
}
constexpr setting secret(std::string_view key, place at, std::string_view meaning) {
  return {key, unit::secret, at, 0, 1'000, {}, meaning};
}
constexpr setting choice(std::string_view key, place at, std::string_view names,
                         std::string_view meaning) {
  return {key, unit::choice, at, 0, 0, names, meaning};
}

constexpr std::array table{
    text(
        "net.host", [](options& o) -> slot { return &o.net.host; }, 0, 255,
        "Address, or name for all its addresses; none: no TCP. A network needs auth.keys_file."),
    count(
        "net.port", [](options& o) -> slot { return &o.net.port; }, 0, 65'535,
        "TCP port for WebSocket and REST; 0 takes any free port and logs it."),
    text(
        "net.unix_socket", [](options& o) -> slot { return &o.net.unix_socket; }, 0, 107,
        "Path of a Unix domain socket for users of this machine, who may do everything."),
    mode(
        "net.unix_mode", [](options& o) -> slot { return &o.net.unix_mode; }, 0600, 0777,
        "Mode of that socket; connecting needs the right to write."),
    text(
        "net.unix_owner", [](options& o) -> slot { return &o.net.unix_owner; }, 0, 100,
        "Owner of that socket as user, user:group or :group; none: the user of telemetryd."),
    count(
        "net.io_threads", [](options& o) -> slot { return &o.net.io_threads; }, 1, 64,
        "Threads that read and write sockets."),
    count(
        "net.connections_max", [](options& o) -> slot { return &o.net.connections_max; }, 1,
        1'000'000,
        "Open sockets of all kinds; further clients are told to try again later (1013, 503)."),
    count(
        "net.unproven_max", [](options& o) -> slot { return &o.net.unproven_max; }, 64, 100'000,
        "Sockets that have shown no right yet, with auth.keys_file; beyond, the oldest is cut."),
    size(
        "net.memory_max", [](options& o) -> slot { return &o.net.memory_max; }, mib, tib,
        "Memory of all connections; beyond, new ones are refused and the largest idle ones cut."),
    duration(
        "net.idle_timeout", [](options& o) -> slot { return &o.net.idle_timeout; }, 100, 24 * hour,
        "A silent peer is pinged within this time and closed if it does not answer."),
    duration(
        "net.read_delay", [](options& o) -> slot { return &o.net.read_delay; }, 0, 1'000,
        "Longest time that events of producers which do not wait for answers gather; 0: none."),
    text(
        "net.trusted_proxies", [](options& o) -> slot { return &o.net.trusted_proxies; }, 0, 4'000,
        "Networks of proxies, such as 10.0.0.0/8; with keys, a plain port on a network is theirs."),
    choice(
        "net.insecure", [](options& o) -> slot { return &o.net.insecure; }, "off|on",
        "on: serve a network without keys or TLS, with a warning; --insecure says the same."),

    text(
        "auth.keys_file", [](options& o) -> slot { return &o.auth.keys_file; }, 0, 4'000,
        "File of the keys that callers must show (telemetryd keys); none: no key is needed."),

    text(
        "tls.host", [](options& o) -> slot { return &o.tls.host; }, 1, 255,
        "Address, or name for all its addresses, of the TLS listener; *: all of this machine."),
    count(
        "tls.port", [](options& o) -> slot { return &o.tls.port; }, 0, 65'535,
        "TCP port for WebSocket and REST over TLS; 0 takes any free port and logs it."),
    text(
        "tls.certificate", [](options& o) -> slot { return &o.tls.certificate; }, 0, 4'000,
        "PEM file: the server's certificate, then its issuers; none: there is no TLS listener."),
    text(
        "tls.key", [](options& o) -> slot { return &o.tls.key; }, 0, 4'000,
        "PEM file of the private key, which no other user may be able to read."),
    choice(
        "tls.client_certificate", [](options& o) -> slot { return &o.tls.client_certificate; },
        "off|optional|required",
        "Whether clients are asked for a certificate, or refused without."),
    text(
        "tls.client_ca", [](options& o) -> slot { return &o.tls.client_ca; }, 0, 4'000,
        "PEM file of the CAs that issue the certificates of clients."),
    text(
        "tls.client_crl", [](options& o) -> slot { return &o.tls.client_crl; }, 0, 4'000,
        "PEM file of revoked client certificates, with a list of each CA; none: no check."),
    count(
        "tls.threads", [](options& o) -> slot { return &o.tls.threads; }, 1, 64,
        "Threads that make the handshakes of new TLS connections."),
    count(
        "tls.handshakes_max", [](options& o) -> slot { return &o.tls.handshakes_max; }, 1, 100'000,
        "Unfinished handshakes at once; at this number accepting TLS connections pauses."),
    duration(
        "tls.handshake_timeout", [](options& o) -> slot { return &o.tls.handshake_timeout; }, 100,
        hour,
        "Time from accepting a TLS connection to the end of its handshake; then it is closed."),

    size(
        "ingest.max_message", [](options& o) -> slot { return &o.ingest.max_message; }, kib,
        16 * mib, "Largest WebSocket message; a larger message closes its connection with 1009."),
    size(
        "ingest.max_body", [](options& o) -> slot { return &o.ingest.max_body; }, kib, gib,
        "Largest body of POST /api/events; a larger body is answered 413."),
    count(
        "ingest.max_in_flight", [](options& o) -> slot { return &o.ingest.max_in_flight; }, 1,
        1'048'576, "Unanswered events of one connection; at this number its socket is not read."),
    size(
        "ingest.max_in_flight_bytes",
        [](options& o) -> slot { return &o.ingest.max_in_flight_bytes; }, kib, gib,
        "The same limit in bytes of event lines."),
    duration(
        "ingest.future_limit", [](options& o) -> slot { return &o.ingest.future_limit; }, 0,
        24 * hour * 365,
        "How far ahead of the server's clock a timestamp may be; 0 means no limit."),
    duration(
        "ingest.stall_limit", [](options& o) -> slot { return &o.ingest.stall_limit; }, 100, hour,
        "How long the journal may be away before producers are closed with 1013."),

    duration(
        "reorder.window", [](options& o) -> slot { return &o.reorder.window; }, 1, hour,
        "Time after an event's arrival in which older events are still put in order before it."),

    duration(
        "robots.idle", [](options& o) -> slot { return &o.robots.idle; }, 100, 24 * hour,
        "A robot without events for this long leaves memory; its state stays stored."),
    count(
        "robots.active_max", [](options& o) -> slot { return &o.robots.active_max; }, 1,
        100'000'000,
        "Robots in memory at once, at most what three quarters of storage.memory_max hold."),

    choice(
        "storage.store", [](options& o) -> slot { return &o.storage.store; }, "rocksdb|mysql",
        "Where events and robots are kept: in storage.data_dir, or in MySQL or MariaDB."),
    choice(
        "storage.journal", [](options& o) -> slot { return &o.storage.journal; },
        "file|mysql|redis",
        "Where an event is made durable before its OK; mysql and redis need storage.store=mysql."),
    text(
        "storage.data_dir", [](options& o) -> slot { return &o.storage.data_dir; }, 1, 4'000,
        "Directory of the journal's files and of RocksDB; created if it is missing."),
    count(
        "storage.shards", [](options& o) -> slot { return &o.storage.shards; }, 0, 1'024,
        "Number of independent logs; fixed when a database is created. 0: 8, or 64 with MySQL."),
    size(
        "storage.min_free", [](options& o) -> slot { return &o.storage.min_free; }, 0, tib,
        "No event is accepted while the disk has less free space than this (readyz: 503)."),
    size(
        "storage.warn_free", [](options& o) -> slot { return &o.storage.warn_free; }, 0, 16 * tib,
        "The log warns of less free disk space than this; not below storage.min_free."),
    size(
        "storage.cache", [](options& o) -> slot { return &o.storage.cache; }, mib, tib,
        "RocksDB's block cache for reads."),
    size(
        "storage.memory_max", [](options& o) -> slot { return &o.storage.memory_max; }, mib, tib,
        "Robots in memory, and rows not checkpointed yet; beyond, sockets are not read."),

    duration(
        "checkpoint.interval", [](options& o) -> slot { return &o.checkpoint.interval; }, 10, hour,
        "Time between checkpoints, which write sealed rows to the event store."),
    count(
        "checkpoint.events", [](options& o) -> slot { return &o.checkpoint.events; }, 1,
        100'000'000, "Events since the last checkpoint after which the next one starts early."),

    addresses(
        "mysql.hosts", [](options& o) -> slot { return &o.mysql.hosts; },
        "Servers host:port,... tried in this order, starting with the server that worked last."),
    text(
        "mysql.socket", [](options& o) -> slot { return &o.mysql.socket; }, 0, 100,
        "Unix socket of a server on this machine; replaces mysql.hosts."),
    text(
        "mysql.user", [](options& o) -> slot { return &o.mysql.user; }, 1, 80,
        "User name to log in with; the user needs all rights on the database."),
    secret(
        "mysql.password", [](options& o) -> slot { return &o.mysql.password; },
        "Password; accepted from the environment or a configuration file only."),
    text(
        "mysql.password_file", [](options& o) -> slot { return &o.mysql.password_file; }, 0, 4'000,
        "File whose first line is the password."),
    text(
        "mysql.database", [](options& o) -> slot { return &o.mysql.database; }, 1, 64,
        "Name of an existing database; telemetryd creates its tables."),
    choice(
        "mysql.tls", [](options& o) -> slot { return &o.mysql.tls; }, "off|on",
        "on: telemetryd refuses to connect without encryption."),
    text(
        "mysql.tls_ca", [](options& o) -> slot { return &o.mysql.tls_ca; }, 0, 4'000,
        "PEM file of the CA of the server's certificate, which must name the host; none: no "
        "check."),
    duration(
        "mysql.connect_timeout", [](options& o) -> slot { return &o.mysql.connect_timeout; },
        second, hour, "Time limit for connecting to a host; then the next host is tried."),
    duration(
        "mysql.read_timeout", [](options& o) -> slot { return &o.mysql.read_timeout; }, second,
        hour, "A server that neither answers nor reads for this long counts as away."),
    count(
        "mysql.writers", [](options& o) -> slot { return &o.mysql.writers; }, 1, 32,
        "Connections that write a checkpoint in parallel."),

    addresses(
        "redis.hosts", [](options& o) -> slot { return &o.redis.hosts; },
        "Servers host:port,... tried in this order, starting with the server that worked last."),
    text(
        "redis.socket", [](options& o) -> slot { return &o.redis.socket; }, 0, 100,
        "Unix socket of a server on this machine; replaces redis.hosts."),
    text(
        "redis.user", [](options& o) -> slot { return &o.redis.user; }, 0, 80,
        "User name to log in with; none: Redis's default user."),
    secret(
        "redis.password", [](options& o) -> slot { return &o.redis.password; },
        "Password; accepted from the environment or a configuration file only."),
    text(
        "redis.password_file", [](options& o) -> slot { return &o.redis.password_file; }, 0, 4'000,
        "File whose first line is the password."),
    count(
        "redis.database", [](options& o) -> slot { return &o.redis.database; }, 0, 65'535,
        "Number of the database on the server."),
    text(
        "redis.prefix", [](options& o) -> slot { return &o.redis.prefix; }, 1, 100,
        "Prefix of all key names."),
    choice(
        "redis.tls", [](options& o) -> slot { return &o.redis.tls; }, "off|on",
        "on: telemetryd connects only by TLS, to a server whose certificate names the host."),
    text(
        "redis.tls_ca", [](options& o) -> slot { return &o.redis.tls_ca; }, 0, 4'000,
        "PEM file of the CA that signed the server's certificate; none: the CAs of the system."),
    duration(
        "redis.connect_timeout", [](options& o) -> slot { return &o.redis.connect_timeout; }, 100,
        hour, "Time limit for connecting to a host; then the next host is tried."),
    duration(
        "redis.timeout", [](options& o) -> slot { return &o.redis.timeout; }, 100, hour,
        "A server that does not answer for this long counts as away."),

    choice(
        "cache.redis", [](options& o) -> slot { return &o.cache.redis; }, "off|on",
        "on: the latest state of every robot is also kept in Redis, for other programs."),
    duration(
        "cache.interval", [](options& o) -> slot { return &o.cache.interval; }, 10, hour,
        "How old the states in the cache may be."),

    duration(
        "query.timeout", [](options& o) -> slot { return &o.query.timeout; }, 10, hour,
        "A REST request without an answer after this time is answered 504."),
    count(
        "query.threads", [](options& o) -> slot { return &o.query.threads; }, 1, 64,
        "Threads for blocking reads of the store."),

    count(
        "scheduler.threads", [](options& o) -> slot { return &o.scheduler.threads; }, 0, 256,
        "Threads that run shards and queries; 0: one per core."),

    choice(
        "log.level", [](options& o) -> slot { return &o.log.level; }, "debug|info|warn|error",
        "Lowest level of log lines that are written to stderr."),
    choice(
        "log.format", [](options& o) -> slot { return &o.log.format; }, "logfmt|json",
        "Form of a log line: key=value pairs, or one JSON object."),
};

} // namespace

std::span<const setting> all_settings() { return table; }

} // namespace telemetry::config
