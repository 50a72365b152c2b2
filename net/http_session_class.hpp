#pragma once

#include "net/http_session.hpp" // first, because it includes <utility>, which Asio needs

#include "net/http_patience.hpp"
#include "net/http_request_reader.hpp"
#include "net/http_response_writer.hpp"
#include "net/http_upgrade.hpp"
#include "net/rest/dispatch.hpp"

#include <exception>
#include <optional>

namespace telemetry::net::detail {

inline constexpr read_fault too_many_bodies{503, "too many large bodies are being read"};
inline constexpr read_fault shutting_down{503, "the server is shutting down"};

/// One HTTP connection. Reads a request, passes it to its handler, writes the answer, and continues
/// with the next request.
///
/// Owns itself from start() until finish(). The registry calls drain, cut and tick. Callbacks for
/// the engine hold weak pointers. Thread: its I/O thread only.
///
/// Only on_ready() reads and continues with the next request. The engine never calls on_ready().
/// Therefore an object of the engine is never destroyed within its own callback. For the same
/// reason close() only closes the stream and posts finish().
class http_session final : public session, private stream_listener {
public:
  http_session(std::unique_ptr<byte_stream> stream, session_context& context)
      : stream_(std::move(stream)), context_(context), reader_(context.options.body_bytes_max),
        patience_(context.options.idle_timeout), loan_(context.memory),
        share_(context.bodies, [this] { work_later(); }), charge_(context.sessions.memory()) {}

  void start();

  // session
  void drain() override;
  void cut() override { close(); }
  void tick() override;
  void review_rights() override;
  [[nodiscard]] std::size_t reclaimable() const override;

private:
  enum class phase {
    head,      ///< reads a head, or waits for the next request
    waiting,   ///< the body waits for its place in the budget
    body,      ///< reads a body
    answering, ///< waits for the engine: for the answer, or for its next piece
    writing,
    lingering, ///< reads and discards input after the last answer
    closed,
  };

  // stream_listener
  void on_ready() override;

  void work();
  void work_later();
  void drop_answered();
  void on_timeout();

  // Reading. These return whether more must be received.
  [[nodiscard]] bool use_received();
  [[nodiscard]] bool read_head();
  [[nodiscard]] bool on_head();
  [[nodiscard]] std::optional<http_answer> route_request();
  [[nodiscard]] caller_ptr caller_of_connection() const;
  [[nodiscard]] std::optional<read_fault> judge_head() const;
  [[nodiscard]] bool ask_for_body();
  [[nodiscard]] bool begin_body();
  [[nodiscard]] bool read_body();
  [[nodiscard]] bool read();
  void receive(std::string_view bytes);
  void refuse(const read_fault& fault);
  void refuse_ended_right();

  // Answering
  void next_request();
  void dispatch();
  void hand_over();
  void respond(http_answer answer);
  void give_back_body();
  void write();
  void on_written();
  void pull();
  void on_piece(result<body_piece> piece);

  // Memory
  [[nodiscard]] std::size_t held_bytes() const;
  void account();

  // Ending
  void linger();
  void discard(std::size_t bytes);
  void end_idle();
  void close();
  void finish();

  /// Catches exceptions, which are a bug or a lack of memory, and ends this session.
  template <class Function>
  void guarded(Function function) {
    try {
      function();
    } catch (const std::exception&) {
      close();
    }
  }
  /// A callback for the engine that does not own the session.
  template <class Argument>
  auto weakly(void (http_session::*step)(Argument)) {
    return [weak = weak_from_this(), step](Argument argument) {
      if (const auto locked = weak.lock()) {
        auto& one = static_cast<http_session&>(*locked);
        one.guarded([&] {
          (one.*step)(std::move(argument));
          one.account();
        });
      }
    };
  }
  [[nodiscard]] std::string_view target() const { return view(reader_.head().target()); }

  std::shared_ptr<http_session> self_;  ///< until finish()
  std::unique_ptr<byte_stream> stream_; ///< nullptr after an upgrade
  session_context& context_;
  caller_ptr local_; ///< who came through the door; nullptr for other connections
  caller_ptr who_;   ///< of the current request
  http_request_reader reader_;
  http_response_writer writer_;
  http_patience patience_;
  request_loan loan_; ///< for a long answer
  body_share share_;
  memory_charge charge_; ///< without bodies and long answers, which context_.memory charges
  rest_route route_{};
  upgrade_request upgrade_ = upgrade_request::none; ///< judged at the head, before any body
  std::shared_ptr<rest_operation> operation_;
  std::unique_ptr<body_source> more_;
  std::size_t lingered_bytes_ = 0;
  phase phase_ = phase::head;
  bool draining_ = false;
  bool keep_alive_ = false;
  bool invites_ = false;       ///< the bytes being written invite the body
  bool wants_piece_ = false;   ///< of more_, in phase answering
  bool works_later_ = false;   ///< on_ready() is posted
  bool is_over_limit_ = false; ///< showed a right when context_.is_full()
};

} // namespace telemetry::net::detail
