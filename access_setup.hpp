#pragma once

#include "access/file_watch.hpp"
#include "access/key_set.hpp"
#include "config/log_limit.hpp"
#include "config/options.hpp"
#include "core/result.hpp"
#include "net/key_reload.hpp"
#include "net/network_list.hpp"
#include "net/server.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace telemetry {

/// Who may use the server by its settings, checked before anything is opened.
struct access_plan {
  std::optional<access::key_set> keys; ///< nullopt: the server asks for no key
  std::shared_ptr<const net::network_list> trusted_proxies;
  bool plain_is_on_network = false;
  std::string insecure; ///< what --insecure permits; "" if nothing
};

/// Reads the keys file and checks that the ways into the server are protected. Blocks.
/// @returns a failure whose text says what to change, if the server must not start.
[[nodiscard]] result<access_plan> plan_access(const config::options& settings);

/// Gives a server its callers and keeps them in step with the keys file.
///
/// Thread-safety: look_now() may be called on any thread.
class access_control {
public:
  /// @param warned the warnings of /readyz
  access_control(const config::options& settings, access_plan plan,
                 std::shared_ptr<net::warnings> warned);

  /// Sets the options about callers. The object must outlive the server.
  void configure(net::server_options& network);
  [[nodiscard]] net::callers_ptr known() const;
  /// Starts to follow the keys file. @pre the server listens
  void follow(net::server& server);
  /// Calls `on_change` (file_watch::add()) on the thread of the watch when one of `paths` has
  /// changed, and when look_now() was called. To be called before follow().
  void also_follow(std::vector<std::string> paths, std::function<bool()> on_change) {
    watch_.add(std::move(paths), std::move(on_change));
  }
  /// Sets a warning of /readyz; an empty text ends it.
  void warn(const std::string& topic, std::string text) { warned_->set(topic, std::move(text)); }
  /// Lets all sessions ask for the rights of their callers again. On the thread of the watch.
  void review_rights() { server_->set_callers(known()); }
  /// To be called before the server is destroyed.
  void stop() { watch_.stop(); }
  /// Reads the keys file soon, even if it has not changed.
  void look_now() { watch_.look_now(); }

private:
  void report_taken(const access::key_set& keys, const net::key_changes& changes);
  void report_kept(const failure& why);
  void after_look();
  void warn_of_expiries();

  std::string keys_path_;
  access_plan plan_;
  std::shared_ptr<net::warnings> warned_;
  log::limit refusals_;
  log::limit strangers_;
  net::server* server_ = nullptr;
  std::optional<net::key_reload> keys_;
  std::chrono::steady_clock::time_point next_warning_{}; ///< of --insecure
  std::chrono::steady_clock::time_point next_expiry_look_{};
  std::string told_fault_; ///< why the keys file was not taken, as told last; "" if it was
  std::map<std::string, wall_ms> told_expiries_; ///< when a key's end was last told, by id
  access::file_watch watch_;                     // last, because its thread uses the other members
};

} // namespace telemetry
