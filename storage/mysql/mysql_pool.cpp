#include "storage/mysql/mysql_pool.hpp"

#include <algorithm>
#include <iterator>

namespace telemetry::mysql {
namespace {

/// Most idle sessions that are kept: for some writers and readers, the journal and the trimmer.
constexpr std::size_t idle_max = 16;
constexpr unsigned conflict_attempts_max = 5;

} // namespace

mysql_pool::mysql_pool(mysql_options options)
    : options_(std::move(options)), generations_(hosts(), 0) {}

/// A unix socket replaces `hosts`.
std::size_t mysql_pool::hosts() const noexcept {
  return options_.socket.empty() ? options_.hosts.size() : 1;
}

result<std::unique_ptr<mysql_session>> mysql_pool::connect() {
  std::size_t first = 0;
  std::vector<std::uint64_t> generations;
  {
    const std::scoped_lock lock(mutex_);
    first = first_host_;
    generations = generations_;
  }
  failure why{errc::invalid_option, ""};
  for (std::size_t i = 0; i < hosts(); ++i) {
    const std::size_t host = (first + i) % hosts();
    auto session = open(host);
    if (session) {
      (*session)->come_from({host, generations[host]});
      take_host(host);
      return session;
    }
    // A host that is away may be the right one. Therefore the caller tries again.
    if (session.error().code == errc::unreachable)
      why.code = errc::unreachable;
    why.text += (i == 0 ? "" : "; ") + session.error().text;
  }
  return hosts() == 0 ? failure{errc::invalid_option, "no MySQL host is given"} : why;
}

result<std::unique_ptr<mysql_session>> mysql_pool::open(std::size_t host) const {
  auto session = mysql_session::open(options_, options_.socket.empty() ? options_.hosts[host]
                                                                       : server_address());
  if (!session || !fits_)
    return session;
  try {
    if (auto fit = fits_(**session); !fit)
      return fit.error();
    return session;
  } catch (const sql::SQLException& thrown) {
    return failure{errc::unreachable, (*session)->description() + ": " + thrown.what()};
  }
}

/// A session to `host` was opened.
void mysql_pool::take_host(std::size_t host) {
  {
    const std::scoped_lock lock(mutex_);
    first_host_ = host;
    if (std::exchange(taken_host_, host) == host)
      return;
    for (std::size_t other = 0; other < generations_.size(); ++other)
      generations_[other] += other == host ? 0 : 1;
  }
  drop_left();
}

bool mysql_pool::is_left(const mysql_session& session) {
  const std::scoped_lock lock(mutex_);
  return session.from().generation != generations_[session.from().host];
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
  const auto& [host, generation] = session->from();
  if (idle_.size() < idle_max && generation == generations_[host])
    idle_.push_back(std::move(session));
}

void mysql_pool::leave(const mysql_session& session) {
  const auto& [host, generation] = session.from();
  {
    const std::scoped_lock lock(mutex_);
    if (generation != generations_[host])
      return;
    ++generations_[host];
    if (first_host_ == host)
      first_host_ = (host + 1) % hosts();
  }
  drop_left();
}

/// Closes the idle sessions of hosts that were left.
void mysql_pool::drop_left() {
  std::vector<std::unique_ptr<mysql_session>> dropped; // closed after the mutex is released
  const std::scoped_lock lock(mutex_);
  const auto kept = std::partition(idle_.begin(), idle_.end(), [this](const auto& one) {
    return one->from().generation == generations_[one->from().host];
  });
  dropped.assign(std::make_move_iterator(kept), std::make_move_iterator(idle_.end()));
  idle_.erase(kept, idle_.end());
}

void mysql_pool::drop_all() {
  std::vector<std::unique_ptr<mysql_session>> dropped; // closed after the mutex is released
  const std::scoped_lock lock(mutex_);
  dropped.swap(idle_);
}

bool mysql_pool::again(const sql::SQLException& thrown, after_loss on_loss, unsigned attempt,
                       const mysql_session& session, bool is_late) {
  const mysql_trouble trouble = trouble_of(thrown);
  if (trouble == mysql_trouble::conflict)
    return attempt < conflict_attempts_max;
  if (trouble == mysql_trouble::none)
    return false;
  if (is_late || trouble == mysql_trouble::read_only)
    leave(session);
  else
    drop_all(); // the others are most likely of the same host, and lost as well
  // A read-only host has changed no row, and connect() takes another host.
  return (trouble == mysql_trouble::read_only || on_loss == after_loss::repeat) &&
         attempt < loss_attempts_max;
}

} // namespace telemetry::mysql
