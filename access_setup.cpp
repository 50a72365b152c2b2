#include <utility> // Boost 1.74's Asio needs it in C++20

#include "access_setup.hpp"

#include "access/keys_file.hpp"
#include "config/log.hpp"
#include "net/listener.hpp"
#include "net/start_rules.hpp"

namespace telemetry {

namespace {

constexpr std::chrono::hours insecure_interval{1};
constexpr std::chrono::minutes expiry_interval{10};
constexpr wall_ms day_ms = 24LL * 3'600 * 1'000;
/// The end of a key is told once from the first on, and daily from the second on.
constexpr wall_ms told_once_before = 14 * day_ms;
constexpr wall_ms told_daily_before = 3 * day_ms;
/// Ids that a log line names.
constexpr std::size_t ids_told_max = 10;
constexpr const char* keys_topic = "keys";

net::ways_in ways_of(const config::options& settings, bool has_proxies) {
  net::ways_in ways;
  if (!settings.net.host.empty())
    ways.plain = {net::address_text(settings.net.host, settings.net.port),
                  net::is_on_network(settings.net.host)};
  if (!settings.tls.certificate.empty())
    ways.tls = {net::address_text(settings.tls.host, settings.tls.port),
                net::is_on_network(settings.tls.host)};
  ways.has_door = !settings.net.unix_socket.empty();
  ways.asks_for_keys = !settings.auth.keys_file.empty();
  ways.has_trusted_proxies = has_proxies;
  return ways;
}

std::string list_of(const std::vector<std::string>& ids) {
  std::string out;
  for (std::size_t i = 0; i < ids.size() && i < ids_told_max; ++i)
    out.append(i == 0 ? "" : ",").append(ids[i]);
  if (ids.size() > ids_told_max)
    out += " and " + std::to_string(ids.size() - ids_told_max) + " more";
  return out;
}

} // namespace

result<access_plan> plan_access(const config::options& settings) {
  access_plan plan;
  auto proxies = net::network_list::read(settings.net.trusted_proxies);
  if (!proxies)
    return failure{errc::invalid_option, "net.trusted_proxies: " + proxies.error().text};
  plan.trusted_proxies = std::make_shared<const net::network_list>(std::move(*proxies));
  const auto ways = ways_of(settings, !plan.trusted_proxies->empty());
  plan.plain_is_on_network = ways.plain && ways.plain->is_on_network;
  if (auto fault = fault_of(ways)) {
    if (settings.net.insecure == config::toggle::off || listens_nowhere(ways))
      return failure{errc::invalid_option, std::move(*fault)};
    plan.insecure = std::move(*fault);
  }
  if (!ways.asks_for_keys)
    return plan;
  auto keys = access::read_keys_file(settings.auth.keys_file);
  if (!keys)
    return failure{keys.error().code, "auth.keys_file: " + keys.error().text +
                                          "; telemetryd keys add makes a key, telemetryd keys "
                                          "check FILE says what is wrong"};
  plan.keys = std::move(*keys);
  return plan;
}

access_control::access_control(const config::options& settings, access_plan plan,
                               std::shared_ptr<net::warnings> warned)
    : keys_path_(settings.auth.keys_file), plan_(std::move(plan)), warned_(std::move(warned)),
      watch_([this] { after_look(); }) {
  if (plan_.keys)
    keys_.emplace(
        keys_path_, *plan_.keys,
        net::key_reload::reports{
            [this](net::callers_ptr known) { server_->set_callers(std::move(known)); },
            [this](const auto& keys, const auto& changes) { report_taken(keys, changes); },
            [this](const failure& why) { report_kept(why); }});
}

void access_control::configure(net::server_options& network) {
  network.trusted_proxies = plan_.trusted_proxies;
  network.plain_is_for_proxies =
      plan_.keys && plan_.plain_is_on_network && !plan_.trusted_proxies->empty();
  network.warned = warned_;
  network.on_access_refused = [this](const net::access_report& report) {
    const auto host = report.address.substr(0, report.address.rfind(':'));
    if (const auto left_out = refusals_.pass(std::string(report.why) + ' ' + host))
      log::warn("access refused", {{"reason", report.why},
                                   {"address", report.address},
                                   {"route", report.route},
                                   {"key", report.key_id},
                                   {"left_out", *left_out}});
  };
  network.on_stranger = [this](std::string_view address) {
    if (const auto left_out = strangers_.pass(address))
      log::warn("a connection without TLS was closed, because no trusted proxy made it",
                {{"address", address}, {"left_out", *left_out}});
  };
}

net::callers_ptr access_control::known() const {
  if (keys_)
    return keys_->known();
  // Callers of an open server on a network may use it, but not operate it.
  if (!plan_.insecure.empty())
    return net::callers::open(std::make_shared<const net::caller>(
        net::caller{"open", {net::scope::read, net::scope::ingest}, name_filter::all()}));
  return net::open_callers();
}

void access_control::follow(net::server& server) {
  server_ = &server;
  if (keys_)
    watch_.add({keys_path_}, [this] { return keys_->reload(); });
  after_look();
  watch_.start();
  watch_.look_now(); // because the file may have changed since it was read
}

void access_control::report_taken(const access::key_set& keys, const net::key_changes& changes) {
  warned_->set(keys_topic, "");
  told_fault_.clear();
  log::info("keys file taken", {{"keys", keys.size()},
                                {"added", list_of(changes.added)},
                                {"changed", list_of(changes.changed)},
                                {"removed", list_of(changes.removed)}});
}

void access_control::report_kept(const failure& why) {
  warned_->set(keys_topic, "keys file not taken, the old keys stay valid: " + why.text);
  if (std::exchange(told_fault_, why.text) != why.text) // it may be tried again and again
    log::error("keys file not taken", {{"reason", why.text}, {"file", keys_path_}});
}

void access_control::after_look() {
  if (keys_)
    keys_->end_overdue(net::wall_now());
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_expiry_look_) {
    next_expiry_look_ = now + expiry_interval;
    warn_of_expiries();
  }
  if (!plan_.insecure.empty() && now >= next_warning_) {
    next_warning_ = now + insecure_interval;
    log::warn("INSECURE: " + plan_.insecure);
  }
}

void access_control::warn_of_expiries() {
  if (!keys_)
    return;
  const auto now = net::wall_now();
  for (const auto& one : keys_->keys().keys()) {
    const auto left = one.expires ? *one.expires - now : told_once_before + 1;
    if (one.revoked || left <= 0 || left > told_once_before)
      continue;
    const auto told = told_expiries_.find(one.id);
    if (told != told_expiries_.end() && (left > told_daily_before || now - told->second < day_ms))
      continue;
    told_expiries_.insert_or_assign(one.id, now);
    log::warn("a key will expire", {{"key", one.id}, {"days_left", left / day_ms}});
  }
}

} // namespace telemetry
