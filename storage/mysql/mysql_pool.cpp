#include "storage/mysql/mysql_pool.hpp"

namespace telemetry::mysql {
namespace {

/// Most idle sessions that are kept: for some writers and readers, the journal and the trimmer.
constexpr std::size_t idle_max = 16;
constexpr unsigned conflict_attempts_max = 5;
/// Three, because the second attempt may get another dead session of the same server.
constexpr unsigned loss_attempts_max = 3;

} // namespace

mysql_pool::mysql_pool(mysql_options options) : options_(std::move(options)) {}

result<std::unique_ptr<mysql_session>> mysql_pool::connect() {
  // A unix socket replaces `hosts`.
  const std::size_t hosts = options_.socket.empty() ? options_.hosts.size() : 1;
  std::size_t first = 0;
  {
    const std::scoped_lock lock(mutex_);
    first = first_host_;
  }
  failure why{errc::invalid_option, ""};
  for (std::size_t i = 0; i < hosts; ++i) {
    const std::size_t host = (first + i) % hosts;
    auto session = mysql_session::open(options_, options_.socket.empty() ? options_.hosts[host]
                                                                         : server_address());
    if (session) {
      const std::scoped_lock lock(mutex_);
      first_host_ = host;
      return session;
    }
    // A host that is away may be the right one. Therefore the caller tries again.
    if (session.error().code == errc::unreachable)
      why.code = errc::unreachable;
    why.text += (i == 0 ? "" : "; ") + session.error().text;
  }
  return hosts == 0 ? failure{errc::invalid_option, "no MySQL host is given"} : why;
}

result<std::unique_ptr<mysql_session>> mysql_pool::take(std::string_view what,
                                                        server_silence* calls) {
  use_connector_on_this_thread();
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<mysql_session> session = std::move(idle_.back());
      idle_.pop_back();
      session->report_to(calls);
      return session;
    }
  }
  server_silence::call waiting(calls);
  auto session = connect();
  if (session)
    (*session)->report_to(calls);
  if (session || session.error().code != errc::unreachable)
    waiting.answered();
  // Every reason counts as temporary, because the settings were right when the database was opened.
  if (!session)
    return failure{errc::unavailable, std::string(what) + ": " + session.error().text};
  return session;
}

void mysql_pool::give_back(std::unique_ptr<mysql_session> session) {
  const std::scoped_lock lock(mutex_);
  if (idle_.size() < idle_max)
    idle_.push_back(std::move(session));
}

bool mysql_pool::again(const sql::SQLException& thrown, after_loss on_loss, unsigned attempt) {
  const mysql_trouble trouble = trouble_of(thrown);
  if (trouble == mysql_trouble::conflict)
    return attempt < conflict_attempts_max;
  if (trouble == mysql_trouble::none)
    return false;
  // The idle sessions most likely have the same host and are lost as well.
  std::vector<std::unique_ptr<mysql_session>> dropped; // closed after the mutex is released
  {
    const std::scoped_lock lock(mutex_);
    dropped.swap(idle_);
  }
  // A read-only host has changed no row, and connect() takes another host.
  return (trouble == mysql_trouble::read_only || on_loss == after_loss::repeat) &&
         attempt < loss_attempts_max;
}

} // namespace telemetry::mysql
