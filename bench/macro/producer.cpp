#include "bench/macro/producer.hpp"

#include "bench/macro/frame.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <stdexcept>

namespace telemetry::bench {

namespace {

/// Counts the lines of an answer. @returns how many there are.
std::size_t count_lines(std::string_view payload, answer_counts& answers) {
  std::size_t lines = 0;
  while (!payload.empty()) {
    const auto line = payload.substr(0, payload.find('\n'));
    payload.remove_prefix(std::min(line.size() + 1, payload.size()));
    ++lines;
    if (line == "OK") {
      ++answers.ok;
      continue;
    }
    if (answers.first_refusal.empty())
      answers.first_refusal = line;
    auto& count = line.starts_with("STALE")      ? answers.stale
                  : line.starts_with("CONFLICT") ? answers.conflict
                                                 : answers.err;
    ++count;
  }
  return lines;
}

} // namespace

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

producer::producer(const server_port& port, std::size_t lane, producer_options options)
    : channel_(port), lane_(lane), options_(options), masks_(lane), started_ns_(options.window) {
  shake_hands(port);
  channel_.set_non_blocking();
}

void producer::shake_hands(const server_port& port) {
  channel_.send_all(upgrade_request("/upstream", port.number, port.authorization()));
  std::string answer;
  while (answer.find("\r\n\r\n") == std::string::npos) {
    char part[1024];
    const auto got = channel_.receive(part, sizeof part);
    if (got <= 0)
      throw std::runtime_error("no answer to the WebSocket handshake");
    answer.append(part, static_cast<std::size_t>(got));
  }
  if (!answer.starts_with("HTTP/1.1 101") || answer.find(upgrade_accept) == std::string::npos)
    throw std::runtime_error("handshake refused: " + answer.substr(0, answer.find('\r')));
}

void producer::queue(fleet& events, tally& totals, std::int64_t from_ns) {
  message_.clear();
  for (std::size_t line = 0; line < options_.lines; ++line) {
    if (line > 0)
      message_ += '\n';
    events.append_event(lane_, message_);
  }
  append_masked_frame(out_, opcode::text, message_, static_cast<std::uint32_t>(masks_.next()));
  auto place = oldest_ + in_flight_++;
  if (place >= options_.window)
    place -= options_.window;
  started_ns_[place] = from_ns;
  ++totals.messages_sent;
  totals.bytes_sent += message_.size();
}

void producer::flush() {
  if (out_.empty())
    return;
  const auto sent = channel_.send(out_);
  if (sent < 0 && errno != EAGAIN)
    throw_errno("send");
  if (sent > 0)
    out_.erase(0, static_cast<std::size_t>(sent));
}

std::size_t producer::receive(tally& totals, std::string& buffer) {
  const auto got = channel_.receive(buffer.data(), buffer.size());
  if (got < 0 && errno == EAGAIN)
    return 0;
  if (got < 0)
    throw_errno("recv");
  if (got == 0)
    throw std::runtime_error("the server ended a connection");
  std::string_view in(buffer.data(), static_cast<std::size_t>(got));
  if (incomplete_.empty()) {
    const auto answered = take_frames(in, totals);
    incomplete_ = in;
    return answered;
  }
  incomplete_ += in;
  in = incomplete_;
  const auto answered = take_frames(in, totals);
  incomplete_.erase(0, incomplete_.size() - in.size());
  return answered;
}

std::size_t producer::take_frames(std::string_view& in, tally& totals) {
  const auto before = in_flight_;
  const auto now = now_ns();
  while (const auto next = read_frame(in)) {
    in.remove_prefix(next->size);
    if (next->kind == opcode::text && next->final)
      take_answer(next->payload, totals, now);
    else if (next->kind == opcode::ping)
      append_masked_frame(out_, opcode::pong, next->payload,
                          static_cast<std::uint32_t>(masks_.next()));
    else if (next->kind == opcode::close && next->payload.size() >= 2)
      throw std::runtime_error("the server closed a connection with code " +
                               std::to_string(static_cast<std::uint8_t>(next->payload[0]) * 256 +
                                              static_cast<std::uint8_t>(next->payload[1])));
    else if (next->kind != opcode::pong)
      throw std::runtime_error("a frame that is no whole text answer");
  }
  return before - in_flight_;
}

void producer::take_answer(std::string_view payload, tally& totals, std::int64_t now) {
  if (in_flight_ == 0)
    throw std::runtime_error("an answer to no message");
  if (count_lines(payload, totals.answers) != options_.lines)
    throw std::runtime_error("an answer whose lines do not match its message");
  totals.latency.record(now - started_ns_[oldest_]);
  if (++oldest_ == options_.window)
    oldest_ = 0;
  --in_flight_;
}

void producer::close() {
  append_masked_frame(out_, opcode::close, "\x03\xe8", static_cast<std::uint32_t>(masks_.next()));
  flush();
}

} // namespace telemetry::bench
