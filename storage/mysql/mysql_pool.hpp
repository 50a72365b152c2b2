#pragma once

#include "core/result.hpp"
#include "storage/mysql/mysql_session.hpp"
#include "storage/storage_options.hpp"

#include <cppconn/exception.h>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace telemetry::mysql {

/// Sessions to whichever host of the list works, kept open between uses.
///
/// The host that worked last is tried first, then the others in their order. A host that hangs
/// costs connect_timeout; one that turned read-only is left for the next. Thread-safety: full.
/// Blocking: yes, within the timeouts. As many sessions are open as calls run at the same time.
class mysql_pool {
public:
  explicit mysql_pool(mysql_options options);

  /// What to do when a connection is lost in the middle of the work.
  enum class after_loss {
    fail,   ///< the work must find out what became of it
    repeat, ///< the work may be done again: it only reads, or repeating it changes nothing
  };

  /// Runs `work(session)`, which returns a result<> and may throw sql::SQLException. After a
  /// deadlock or a lock wait it is run again, a few times. A session whose work failed is dropped,
  /// and with it the transaction that it may have left open.
  /// @param what names the work for a person: "journal append".
  /// @param calls hears of the statements, and of connecting.
  /// @returns what `work` returned, or as to_failure() says; errc::unavailable if no host answers.
  template <class Work>
  [[nodiscard]] auto run(std::string_view what, after_loss on_loss, Work work,
                         server_silence* calls = nullptr)
      -> std::invoke_result_t<Work&, mysql_session&> {
    for (unsigned attempt = 1;; ++attempt) {
      auto session = take(what, calls);
      if (!session)
        return session.error();
      try {
        auto outcome = work(**session);
        if (outcome)
          give_back(std::move(*session));
        return outcome;
      } catch (const sql::SQLException& thrown) {
        if (!again(thrown, on_loss, attempt))
          return to_failure(thrown, what);
      }
    }
  }

  /// A new session, which the caller keeps.
  /// @returns errc::unreachable, errc::invalid_option: as mysql_session::open(), with every host.
  [[nodiscard]] result<std::unique_ptr<mysql_session>> connect();

  [[nodiscard]] const mysql_options& options() const noexcept { return options_; }

private:
  [[nodiscard]] result<std::unique_ptr<mysql_session>> take(std::string_view what,
                                                            server_silence* calls);
  void give_back(std::unique_ptr<mysql_session> session);
  [[nodiscard]] bool again(const sql::SQLException& thrown, after_loss on_loss, unsigned attempt);

  const mysql_options options_;
  std::mutex mutex_; ///< guards what follows; never held while a server is asked
  std::size_t first_host_ = 0;
  std::vector<std::unique_ptr<mysql_session>> idle_;
};

} // namespace telemetry::mysql
