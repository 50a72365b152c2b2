#include "actors/connection.hpp"

#include "core/line.hpp"
#include "core/number.hpp"
#include "net/memory_budget.hpp"

namespace telemetry {

namespace {

/// The inner loop sums bytes, because compilers turn that into vector instructions of 16 bytes.
std::size_t count_lines(std::string_view text) {
  std::size_t lines = text.empty() || text.back() != '\n' ? 1 : 0;
  while (!text.empty()) {
    const auto part = text.substr(0, 240); // its count fits a byte
    std::uint8_t ends = 0;
    for (const char byte : part)
      ends = static_cast<std::uint8_t>(ends + (byte == '\n' ? 1 : 0));
    lines += ends;
    text.remove_prefix(part.size());
  }
  return lines;
}

bool has_too_many_lines(std::string_view text) {
  return text.size() > message_lines_max && count_lines(text) > message_lines_max;
}

/// The reason of a close because the journal is away. During the replay the server is only
/// starting.
std::string_view reason_for_closing(const engine_context& context) {
  return context.health.away() == recovering_reason ? is_starting : store_is_away;
}

/// Whether the answer is a plain OK.
constexpr bool is_ok(verdict what) {
  switch (what) {
  case verdict::accepted:
  case verdict::duplicate:
    return true;
  case verdict::pending:
  case verdict::conflict:
  case verdict::sealed:
  case verdict::stale:
  case verdict::damaged:
    break;
  }
  return false;
}

} // namespace

connection::connection(caf::actor_config& config, lane& home, net::upstream_peer& peer,
                       net::caller_ptr who)
    : participant(config), home_(home), who_(std::move(who)), peer_(&peer) {}

connection::behavior_type connection::make_behavior() {
  end_process_on_exception(*this, home_.context());
  return {
      [this](look_again_atom) {
        waits_for_credit_ = false;
        give_up_if_stalled();
        flush_later(); // reads on if the credit is open, or waits again
      },
  };
}

std::size_t connection::on_messages(std::span<const std::string_view> messages) {
  future_limit_ = future_limit(home_.context());
  std::size_t lines = 0;
  for (const auto text : messages) {
    if (has_too_many_lines(text)) {
      peer_->close(net::close_code::policy,
                   "a message may have at most " + std::to_string(message_lines_max) + " lines");
      break;
    }
    lines += take(text);
  }
  answer();
  return lines;
}

bool connection::may_read() {
  const auto& most = home_.context().options;
  const auto unsent = peer_->unsent();
  if (answers_.size() + unsent.lines >= most.in_flight_max ||
      bytes_ + unsent.bytes >= most.in_flight_bytes_max)
    return false;
  if (home_.context().credit.is_open())
    return true;
  if (!std::exchange(waits_for_credit_, true))
    home_.await_credit(this);
  return false;
}

void connection::detach() {
  peer_ = nullptr;
  answers_.clear();
  messages_.clear();
}

/// Each line ends in \n or \r\n; the last one may omit it (PROTOCOL.md §3).
std::size_t connection::take(std::string_view text) {
  const auto bytes = static_cast<std::uint32_t>(text.size());
  std::uint32_t lines = 0;
  do {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    take_line(line);
    ++lines;
  } while (!text.empty());
  messages_.push({lines, bytes});
  bytes_ += bytes;
  return lines;
}

void connection::take_line(std::string_view line) {
  auto event = parse_line(line);
  if (!event)
    return answers_.refuse(event.error().text);
  const auto permitted = who_->robots.permit(*event);
  if (!permitted)
    answers_.refuse(std::string{right_refusal});
  else if (event->timestamp > future_limit_)
    answers_.refuse(std::string{future_refusal});
  else if (home_.context().damaged.refuses(event->robot))
    answers_.refuse(std::string{damaged_refusal});
  else
    answers_.submit(*permitted, home_, *this);
}

void connection::answer() {
  if (peer_ == nullptr)
    return;
  std::size_t plain_oks = 0; // messages of one line in a row that are OK
  bool answered = false;
  while (const auto next = answers_.next()) {
    const auto& front = messages_.front();
    const bool ok = next->refusal.empty() && is_ok(next->what);
    if (front.lines == 1 && ok) {
      ++plain_oks;
    } else {
      append_answer(*next);
      if (++answered_lines_ < front.lines)
        continue;
      if (plain_oks > 0)
        peer_->answer_ok(std::exchange(plain_oks, 0));
      peer_->answer(text_);
      text_.clear();
      answered_lines_ = 0;
    }
    answered = true;
    bytes_ -= front.bytes;
    messages_.pop();
  }
  if (plain_oks > 0)
    peer_->answer_ok(plain_oks);
  if (text_.empty() && text_.capacity() > net::idle_buffer_bytes_max)
    text_.shrink_to_fit();
  if (answered)
    flush_later();
}

void connection::append_answer(const answer_queue::answer& what) {
  if (answered_lines_ > 0)
    text_ += '\n';
  if (!what.refusal.empty()) {
    text_.append("ERR ").append(what.refusal);
    return;
  }
  switch (what.what) {
  case verdict::accepted:
  case verdict::duplicate:
    text_ += "OK";
    break;
  case verdict::conflict:
    text_ += "CONFLICT";
    break;
  case verdict::stale:
    append_integer(text_ += "STALE ", what.seal_point);
    break;
  case verdict::damaged:
    text_.append("ERR ").append(damaged_refusal);
    break;
  case verdict::pending:
  case verdict::sealed:
    answered_without_outcome();
  }
}

/// After the journal has been away for too long, its waiting events get no answer. Their outcome is
/// unknown, so the producer sends them again.
void connection::give_up_if_stalled() {
  if (peer_ == nullptr ||
      home_.context().health.away_ms() < home_.context().options.stall_limit.count())
    return;
  answers_.clear();
  messages_.clear();
  text_.clear();
  answered_lines_ = 0;
  bytes_ = 0;
  peer_->close(net::close_code::try_again_later, reason_for_closing(home_.context()));
}

/// Schedules one flush() for this turn, however often it is called.
void connection::flush_later() {
  if (!std::exchange(is_flush_due_, true))
    home_.flush_later(this, *this);
}

void connection::flush() {
  is_flush_due_ = false;
  if (peer_ != nullptr)
    peer_->flush();
}

namespace {

/// The session's handle to its connection actor.
class session_upstream final : public net::upstream {
public:
  session_upstream(lane& home, net::upstream_peer& peer, net::caller_ptr who)
      : home_(home),
        actor_(home.context().writer->home_system().spawn<connection, caf::lazy_init + caf::hidden>(
            std::ref(home), std::ref(peer), std::move(who))),
        connection_(*static_cast<connection*>(caf::actor_cast<caf::abstract_actor*>(actor_))) {
    home_.enlist(actor_);
  }

  ~session_upstream() override {
    home_.dismiss(actor_);
    connection_.detach();
  }

  std::size_t on_messages(std::span<const std::string_view> messages) override {
    try {
      return connection_.on_messages(messages);
    } catch (const std::exception& what) { // as in a handler of the actor
      home_.context().fatal({errc::unavailable, std::string{"connection: "} + what.what()});
    }
    return 0;
  }
  [[nodiscard]] bool may_read() const override { return connection_.may_read(); }
  [[nodiscard]] std::size_t unanswered() const override { return connection_.unanswered(); }
  void change_caller(net::caller_ptr who) override { connection_.change_caller(std::move(who)); }

private:
  lane& home_;
  connection_actor actor_;
  connection& connection_;
};

} // namespace

result<std::unique_ptr<net::upstream>>
connection_factory::open(net::upstream_peer& peer, net::io_thread& io, net::caller_ptr who) {
  if (context_.health.away_ms() >= context_.options.stall_limit.count())
    return failure{errc::unavailable, std::string{reason_for_closing(context_)}};
  return std::unique_ptr<net::upstream>{
      std::make_unique<session_upstream>(*context_.lanes[io.index()], peer, std::move(who))};
}

} // namespace telemetry
