#include "config/settings.hpp"

#include "config/addresses.hpp"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

namespace telemetry::config {
namespace {

constexpr std::uint64_t kib = std::uint64_t{1} << 10;
constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t gib = std::uint64_t{1} << 30;
constexpr std::uint64_t tib = std::uint64_t{1} << 40;
constexpr std::uint64_t second = 1'000;
constexpr std::uint64_t hour = 3'600 * second;

/// Stands for an empty text in settings that may be empty.
constexpr std::string_view no_text = "none";

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

/// Name number `n` (from 0) of names separated by |.
std::string_view nth(std::string_view choices, std::size_t n) {
  for (; n > 0; --n)
    choices.remove_prefix(choices.find('|') + 1);
  return choices.substr(0, choices.find('|'));
}

std::optional<std::size_t> index_of(std::string_view choices, std::string_view name) {
  const auto count = static_cast<std::size_t>(std::ranges::count(choices, '|')) + 1;
  for (std::size_t i = 0; i < count; ++i)
    if (nth(choices, i) == name)
      return i;
  return std::nullopt;
}

/// Whether a configuration file can hold `text` such that it is read back unchanged.
bool is_plain(std::string_view text) {
  const auto is_bad = [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '#'; };
  return std::ranges::none_of(text, is_bad) && !text.starts_with(' ') && !text.ends_with(' ');
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({change, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

std::string quoted(std::string_view text) { return std::string("\"").append(text).append("\""); }

/// The value as shown in a message. The value of a secret is not shown.
std::string shown(const setting& what, std::string_view text) {
  return what.in == unit::secret ? "the value" : quoted(text);
}

std::string_view family(unit in) {
  switch (in) {
  case unit::count:
    return "a whole number";
  case unit::bytes:
    return "a size (like 4096, 64KiB, 8MiB)";
  case unit::milliseconds:
    return "a duration (like 500ms, 10s, 5min, 1h; a bare number is ms)";
  case unit::octal:
    return "permissions in octal (like 0660)";
  case unit::text:
  case unit::secret:
    return "text without control characters, # or surrounding spaces";
  case unit::addresses:
    return "host:port, or several separated by commas";
  case unit::choice:
    return "one of the names";
  }
  return "";
}

std::string not_a(const setting& what, std::string_view text) {
  return shown(what, text).append(" is not ").append(family(what.in));
}

std::optional<std::string> assign_text(const setting& what, std::string_view text,
                                       std::string& into) {
  if (what.in == unit::text && what.least == 0 && text == no_text)
    text = {};
  if (!is_plain(text) || (what.in == unit::addresses && !read_addresses(text, 1)))
    return not_a(what, text);
  if (text.size() < what.least || text.size() > what.most)
    return shown(what, text).append(" is out of bounds");
  into = text;
  return std::nullopt;
}

template <class Choice>
std::optional<std::string> assign_choice(const setting& what, std::string_view text, Choice& into) {
  const auto index = index_of(what.choices, text);
  if (!index)
    return not_a(what, text);
  into = static_cast<Choice>(*index);
  return std::nullopt;
}

template <class Number>
std::optional<std::string> assign_number(const setting& what, std::string_view text, Number& into) {
  const auto number = read_number(text, what.in);
  if (!number)
    return not_a(what, text);
  if (*number < what.least || *number > what.most)
    return std::string(text).append(" is out of bounds");
  into = static_cast<Number>(*number);
  return std::nullopt;
}

} // namespace

std::span<const setting> all_settings() { return table; }

const setting* find_setting(std::string_view key) {
  const auto at = std::ranges::find(table, key, &setting::key);
  return at == table.end() ? nullptr : &*at;
}

std::string_view nearest_key(std::string_view mistyped) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(3, mistyped.size() / 3) + 1;
  for (const setting& one : table) {
    const std::size_t distance = edit_distance(mistyped, one.key);
    if (distance < least) {
      least = distance;
      best = one.key;
    }
  }
  return best;
}

std::string environment_name(const setting& what) {
  std::string name = "TELEMETRY_";
  for (const char c : what.key)
    name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

bool is_text(unit in) noexcept {
  return in == unit::text || in == unit::addresses || in == unit::secret;
}

std::string legal_range(const setting& what) {
  if (what.in == unit::choice)
    return std::string(what.choices);
  const unit in = is_text(what.in) ? unit::count : what.in;
  std::string range = write_number(what.least, in) + " to " + write_number(what.most, in);
  if (is_text(what.in))
    range += " bytes";
  return range;
}

std::string value_text(const setting& what, const options& from) {
  options copy = from;
  return std::visit(
      [&](auto* at) -> std::string {
        using type = std::remove_pointer_t<decltype(at)>;
        if constexpr (std::is_same_v<type, std::string>)
          return at->empty() && what.in == unit::text ? std::string(no_text) : *at;
        else if constexpr (std::is_enum_v<type>)
          return std::string(nth(what.choices, static_cast<std::size_t>(*at)));
        else if constexpr (std::is_same_v<type, std::chrono::milliseconds>)
          return write_number(static_cast<std::uint64_t>(at->count()), what.in);
        else
          return write_number(*at, what.in);
      },
      what.place(copy));
}

std::optional<std::string> assign(const setting& what, std::string_view text, options& into) {
  return std::visit(
      [&](auto* at) {
        using type = std::remove_pointer_t<decltype(at)>;
        if constexpr (std::is_same_v<type, std::string>)
          return assign_text(what, text, *at);
        else if constexpr (std::is_enum_v<type>)
          return assign_choice(what, text, *at);
        else
          return assign_number(what, text, *at);
      },
      what.place(into));
}

} // namespace telemetry::config
