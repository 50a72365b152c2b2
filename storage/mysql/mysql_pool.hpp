#pragma once

#include "core/result.hpp"
#include "storage/mysql/mysql_session.hpp"
#include "storage/storage_options.hpp"

#include <chrono>
#include <cppconn/exception.h>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace telemetry::mysql {

/// Sessions to the first host of the list that works, kept open between uses.
///
/// The host that worked last is tried first, then the others in their order. A host that hangs
/// costs connect_timeout. A host that did not answer in time, became read-only or is behind is
/// left: it is asked last, and its open sessions are not used again. When another host is taken,
/// all others are left, because one of them may be a primary that was replaced and has old rows.
///
/// Thread-safety: full. Each call of run() has a session of its own. Blocking: run() and connect()
/// wait for the server, within the timeouts of mysql_options.
class mysql_pool {
public:
  explicit mysql_pool(mysql_options options);

  /// The reaction to a connection that is lost during the work.
  enum class after_loss {
    fail,   ///< the caller must find out whether the work was done
    repeat, ///< repeat the work, which only reads, or has no effect the second time
  };

  /// Runs `work(session)`, which returns a result<> and may throw sql::SQLException. After a
  /// deadlock or a lock wait it is run again, at most 5 times in all. A session whose work failed
  /// is closed, so that the server rolls back its transaction.
  /// @param what names the work in error texts, e.g. "journal append".
  /// @param calls is told of the statements and of connecting; may be nullptr.
  /// @returns the result of `work`, or the failure of to_failure(); errc::unavailable if no host
  ///          answers.
  template <class Work>
  [[nodiscard]] auto run(std::string_view what, after_loss on_loss, Work work,
                         server_silence* calls = nullptr)
      -> std::invoke_result_t<Work&, mysql_session&> {
    for (unsigned attempt = 1;; ++attempt) {
      auto session = take(what, calls);
      if (!session)
        return session.error();
      const auto begun = std::chrono::steady_clock::now();
      try {
        auto outcome = work(**session);
        // The answer may be that of a host which hung, was replaced, and woke with old rows.
        if (outcome && on_loss == after_loss::repeat && is_left(**session) &&
            attempt < loss_attempts_max)
          continue;
        if (outcome)
          give_back(std::move(*session));
        return outcome;
      } catch (const sql::SQLException& thrown) {
        const bool is_late = std::chrono::steady_clock::now() - begun >= options_.read_timeout;
        if (!again(thrown, on_loss, attempt, **session, is_late))
          return to_failure(thrown, what);
      }
    }
  }

  /// Opens a new session, which the caller owns.
  /// @returns errc::unreachable or errc::invalid_option as mysql_session::open(), with the reasons
  ///          of all hosts.
  [[nodiscard]] result<std::unique_ptr<mysql_session>> connect();

  /// `fits` is asked of every new session; its failure makes connect() try the next host. Set it
  /// before other threads use the pool. It may throw sql::SQLException.
  void check_with(std::function<result<void>(mysql_session&)> fits) { fits_ = std::move(fits); }

  /// Leaves the host of `session` for the next one, unless that was done since `session` was
  /// opened.
  void leave(const mysql_session& session);

  [[nodiscard]] const mysql_options& options() const noexcept { return options_; }

private:
  [[nodiscard]] result<std::unique_ptr<mysql_session>> take(std::string_view what,
                                                            server_silence* calls);
  void give_back(std::unique_ptr<mysql_session> session);
  [[nodiscard]] bool again(const sql::SQLException& thrown, after_loss on_loss, unsigned attempt,
                           const mysql_session& session, bool is_late);
  [[nodiscard]] std::size_t hosts() const noexcept;
  [[nodiscard]] result<std::unique_ptr<mysql_session>> open(std::size_t host) const;
  [[nodiscard]] bool is_left(const mysql_session& session);
  void take_host(std::size_t host);
  void drop_left();
  void drop_all();

  /// Three, because the second attempt may get another dead session of the same server.
  static constexpr unsigned loss_attempts_max = 3;

  const mysql_options options_;
  std::function<result<void>(mysql_session&)> fits_; ///< may be empty
  std::mutex mutex_;           ///< guards the members below; never held during a call to a server
  std::size_t first_host_ = 0; ///< the next connect() begins here
  std::size_t taken_host_ = 0; ///< to which the last session was opened
  std::vector<std::uint64_t> generations_; ///< per host: sessions of an earlier one are not used
  std::vector<std::unique_ptr<mysql_session>> idle_;
};

} // namespace telemetry::mysql
