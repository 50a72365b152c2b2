#include "tls_setup.hpp"

#include "config/log.hpp"
#include "core/utc_time.hpp"

#include <sys/resource.h>

namespace telemetry {

namespace {

using std::chrono::system_clock;

constexpr const char* topic = "certificate";

std::string text_of(system_clock::time_point time) {
  std::string text;
  append_utc_time(
      text, std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
  return text;
}

void warn_of_expiry(std::chrono::seconds left) {
  constexpr std::int64_t day_seconds = 86'400;
  if (left.count() <= 0)
    log::warn("the certificate in tls.certificate has expired; clients refuse it");
  else
    log::warn("the certificate in tls.certificate expires soon; renew it",
              {{"days_left", left.count() / day_seconds}});
}

/// Reads the files again, for the connections that follow.
void reload(net::tls_credentials& pair, net::warnings& warned) {
  if (const auto done = pair.reload(system_clock::now()); !done) {
    warned.set(topic, "certificate not taken, the old one stays in use: " + done.error().text);
    return log::error("certificate not taken", {{"reason", done.error().text}});
  }
  warned.set(topic, "");
  const auto now = pair.current();
  log::info("certificate taken", {{"names", now->names()}, {"ends", text_of(now->ends_at())}});
}

/// The files whose changes matter.
std::vector<std::string> paths_of(const net::tls_files& files) {
  std::vector<std::string> paths{files.certificate, files.key};
  for (const auto& one : {files.client_ca, files.client_crl})
    if (!one.empty())
      paths.push_back(one);
  return paths;
}

} // namespace

result<tls_control> tls_control::load(const config::options& settings) {
  tls_control made;
  const auto files = net::tls_files::from(settings);
  if (!files)
    return files.error();
  if (files->certificate.empty())
    return made;
  constexpr rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  auto pair = net::tls_credentials::load(*files, system_clock::now());
  if (!pair)
    return pair.error();
  made.pair_ = std::move(*pair);
  return made;
}

void tls_control::configure(net::server_options& network) const {
  network.tls = pair_;
  network.on_handshake_failure = [](std::string_view why) {
    log::debug("a TLS handshake has failed", {{"reason", why}});
  };
  network.on_certificate_expiry = warn_of_expiry;
}

void tls_control::follow(access_control& access,
                         const std::shared_ptr<net::warnings>& warned) const {
  if (pair_)
    access.follow_files(paths_of(pair_->files()),
                        [pair = pair_, warned] { reload(*pair, *warned); });
}

void tls_control::log_address(const net::server& server) const {
  if (!pair_)
    return;
  const auto now = pair_->current();
  log::info("telemetryd is listening for TLS", {{"tls_address", server.address(net::entrance::tls)},
                                                {"names", now->names()},
                                                {"ends", text_of(now->ends_at())}});
}

} // namespace telemetry
