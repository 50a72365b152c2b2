#include <utility> // Boost 1.74's Asio needs it in C++20

#include "tls_setup.hpp"

#include "config/log.hpp"
#include "core/utc_time.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <sys/resource.h>

namespace telemetry {

namespace {

constexpr const char* tls_topic = "tls";

std::string text_of(net::tls_context::time_point time) {
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

std::vector<std::string> paths_of(const net::tls_files& files) {
  std::vector<std::string> paths{files.certificate, files.key};
  for (const auto& path : {files.client_ca, files.client_crl})
    if (!path.empty())
      paths.push_back(path);
  return paths;
}

void reload_tls(access_control& access, net::tls_credentials& tls) {
  if (const auto done = tls.reload(std::chrono::system_clock::now()); !done) {
    access.warn(tls_topic, "certificate not taken, the old one stays: " + done.error().text);
    return log::error("certificate not taken; the old one stays", {{"reason", done.error().text}});
  }
  access.warn(tls_topic, "");
  const auto now = tls.current();
  log::info("certificate taken", {{"names", now->names()}, {"ends", text_of(now->ends_at())}});
  access.review_rights();
}

} // namespace

result<tls_ptr> load_tls(const config::options& settings) {
  const auto files = net::tls_files::from(settings);
  if (!files)
    return files.error();
  if (files->certificate.empty())
    return tls_ptr();
  constexpr rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  return net::tls_credentials::load(*files, std::chrono::system_clock::now());
}

void configure_tls(net::server_options& network, const tls_ptr& tls) {
  network.tls = tls;
  network.on_handshake_failure = [](std::string_view why) {
    log::debug("a TLS handshake has failed", {{"reason", why}});
  };
  network.on_certificate_expiry = warn_of_expiry;
}

void follow_tls(access_control& access, const tls_ptr& tls) {
  if (tls)
    access.also_follow(paths_of(tls->files()), [&access, tls] {
      reload_tls(access, *tls);
      return true;
    });
}

void log_tls_address(const net::server& server, const tls_ptr& tls) {
  if (!tls)
    return;
  const auto now = tls->current();
  log::info("telemetryd is listening for TLS", {{"tls_address", server.address(net::entrance::tls)},
                                                {"names", now->names()},
                                                {"ends", text_of(now->ends_at())}});
}

} // namespace telemetry
