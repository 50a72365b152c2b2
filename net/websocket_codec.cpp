#include "net/websocket_codec.hpp"

#include "net/http_upgrade.hpp"
#include "net/websocket_frames.hpp"
#include "net/websocket_memory_stream.hpp"

#include <boost/beast/websocket/stream.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <tuple>

namespace telemetry::net {

namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

namespace {

std::string close_frame(close_code code, std::string_view reason) {
  std::string frame;
  append_close_frame(frame, code, reason);
  return frame;
}

/// The code of a whole close frame. @pre it has one
close_code code_of(std::string_view frame) noexcept {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(frame[at]); };
  return static_cast<close_code>(byte(2) << 8 | byte(3));
}

/// The reason in the close frame for a peer that broke the protocol.
std::string reason_for(boost::beast::error_code ec, close_code code, std::size_t message_max) {
  if (code == close_code::too_big)
    return "a message may have at most " + std::to_string(message_max) +
           " bytes (ingest.max_message)";
  return ec.message();
}

std::string unmasked_payload(std::span<const std::uint8_t> frame, std::size_t payload) {
  const auto key = frame.subspan(frame.size() - payload - 4, 4);
  std::string text;
  for (const auto byte : frame.last(payload))
    text.push_back(static_cast<char>(byte ^ key[text.size() % 4]));
  return text;
}

/// Whether `text` ends within a code point. @pre it is a prefix of valid UTF-8.
bool ends_within_code_point(std::string_view text) noexcept {
  std::size_t tail = 0; // continuation bytes at the end
  while (tail < text.size() && (text[text.size() - 1 - tail] & 0xc0) == 0x80)
    ++tail;
  if (tail == text.size())
    return false;
  const auto lead = static_cast<unsigned char>(text[text.size() - 1 - tail]);
  const std::size_t wanted = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
  return tail < wanted;
}

/// A handshake that Beast accepts.
const websocket_codec::request& any_upgrade() {
  static const auto legal = [] {
    websocket_codec::request upgrade{http::verb::get, "/", 11};
    upgrade.set(http::field::host, "localhost");
    upgrade.set(http::field::upgrade, "websocket");
    upgrade.set(http::field::connection, "Upgrade");
    upgrade.set(http::field::sec_websocket_version, "13");
    upgrade.set(http::field::sec_websocket_key, "AAAAAAAAAAAAAAAAAAAAAA==");
    return upgrade;
  }();
  return legal;
}

} // namespace

/// A Beast stream, and the bytes that it has to read.
struct websocket_inbox::reader {
  explicit reader(const boost::asio::any_io_executor& executor) : stream(executor) {
    stream.write_buffer_bytes(8); // small, because Beast writes only close frames
  }

  /// Adds a part to the bytes that one run reads.
  void add(std::span<const std::uint8_t> bytes, const frame_item& item) noexcept {
    run = run.empty() ? bytes : std::span(run.data(), run.size() + bytes.size());
    if (item.what == frame_item::kind::last)
      must_fail = true;
    else
      payload += item.payload;
    messages += item.ends_message ? 1 : 0;
  }

  /// The close frame after a read that failed. It is Beast's answer to the client's close, or a
  /// frame with Beast's code and a reason, because Beast sends no reason.
  std::optional<std::string> failed(boost::beast::error_code ec, std::size_t message_max) {
    assert(ec != boost::asio::error::would_block);
    auto frame = stream.next_layer().take_written();
    if (ec == websocket::error::closed && !frame.empty())
      return frame;
    const auto code = frame.size() < 4 ? close_code::protocol_error : code_of(frame);
    return close_frame(code, reason_for(ec, code, message_max));
  }

  websocket::stream<memory_stream, false> stream;
  std::span<const std::uint8_t> run; ///< bytes to be read
  std::size_t payload = 0;           ///< payload bytes in them
  std::size_t messages = 0;          ///< ends of messages in them
  bool must_fail = false;            ///< a close, or a breach of the protocol, is in them
  std::string begun;                 ///< start of a message whose end was not received yet
};

websocket_inbox::websocket_inbox(boost::asio::any_io_executor executor)
    : executor_(std::move(executor)) {}

websocket_inbox::~websocket_inbox() = default;

std::unique_ptr<websocket_inbox::reader> websocket_inbox::take_reader() {
  if (!idle_readers_.empty()) {
    auto one = std::move(idle_readers_.back());
    idle_readers_.pop_back();
    return one;
  }
  auto fresh = std::make_unique<reader>(executor_);
  fresh->stream.accept(any_upgrade()); // Beast reads no frame before a handshake, of any content
  std::ignore = fresh->stream.next_layer().take_written();
  return fresh;
}

void websocket_inbox::give_back(std::unique_ptr<reader> one) {
  assert(one->run.empty() && one->begun.empty() && one->stream.next_layer().is_empty());
  if (idle_readers_.size() < idle_readers_max)
    idle_readers_.push_back(std::move(one));
}

websocket_codec::websocket_codec(std::size_t message_bytes_max)
    : message_bytes_max_(message_bytes_max) {}

websocket_codec::~websocket_codec() = default;

std::optional<websocket_codec::refusal> websocket_codec::accept(const request& upgrade,
                                                                std::string_view server,
                                                                websocket_inbox& inbox,
                                                                std::string& out) {
  auto fresh = std::make_unique<reader>(inbox.executor_);
  auto& stream = fresh->stream;
  const bool is_ours = offers_protocol(upgrade, protocol);
  stream.set_option(websocket::stream_base::decorator([&](websocket::response_type& response) {
    response.set(http::field::server, boost::beast::string_view(server.data(), server.size()));
    if (is_ours)
      response.set(http::field::sec_websocket_protocol,
                   boost::beast::string_view(protocol.data(), protocol.size()));
  }));
  boost::beast::error_code ec;
  stream.accept(upgrade, ec);
  auto response = stream.next_layer().take_written();
  if (ec)
    return refusal{ec == websocket::error::bad_sec_version ? 426 : 400, ec.message()};
  out += response;
  inbox.give_back(std::move(fresh));
  return std::nullopt;
}

void websocket_codec::keep_early(std::string_view bytes) {
  rest_ = bytes;
  has_rest_ = !bytes.empty();
}

std::size_t websocket_codec::held_bytes() const noexcept {
  return rest_.capacity() + (reader_ ? reader_bytes + reader_->begun.capacity() : 0);
}

void websocket_codec::drop() noexcept {
  reader_.reset();
  rest_ = {};
  has_rest_ = false;
}

void websocket_codec::take_in(websocket_inbox& inbox, std::size_t size) {
  assert(size == 0 || !has_rest_);
  const auto kept = std::min(rest_.size(), inbox.raw_.size());
  auto* const begin = has_rest_ ? inbox.raw_.data() : inbox.space().data() - kept;
  std::memcpy(begin, rest_.data(), kept);
  rest_.erase(0, kept);
  inbox.input_ = {reinterpret_cast<const std::uint8_t*>(begin), kept + size};
  inbox.is_incomplete_ = false;
}

std::optional<std::string> websocket_codec::read(websocket_inbox& inbox, std::string& out) {
  using kind = frame_item::kind;
  inbox.start();
  auto& bytes = inbox.input_;
  const auto enough = bytes.size() - std::min(bytes.size(), websocket_inbox::slice_bytes);
  do {
    const auto item = scanner_.next(bytes);
    const auto front = bytes.first(item.size);
    bytes = bytes.subspan(item.size);
    ++inbox.frames_;
    if (item.what == kind::part || item.what == kind::last)
      add(inbox, front, item);
    if (item.what == kind::part && bytes.size() > enough)
      continue;
    if (auto closed = read_run(inbox)) {
      bytes = {};
      rest_.clear();
      return closed;
    }
    if (item.what == kind::ping)
      append_pong_frame(out, unmasked_payload(front, item.payload));
    inbox.is_incomplete_ = item.what == kind::incomplete;
  } while (bytes.size() > enough && !inbox.is_incomplete_);
  if (reader_ && scanner_.is_between_messages())
    inbox.give_back(std::move(reader_));
  else if (reader_)
    reader_->begun += inbox.unfinished();
  return std::nullopt;
}

void websocket_codec::keep_rest(websocket_inbox& inbox) {
  has_rest_ = !rest_.empty() || inbox.has_input();
  if (!inbox.input_.empty())
    rest_.insert(0, reinterpret_cast<const char*>(inbox.input_.data()), inbox.input_.size());
  inbox.input_ = {};
  if (!has_rest_ && rest_.capacity() > idle_rest_bytes_max)
    rest_.shrink_to_fit();
}

void websocket_codec::add(websocket_inbox& inbox, std::span<const std::uint8_t> bytes,
                          const frame_item& item) {
  if (!reader_) {
    reader_ = inbox.take_reader();
    reader_->stream.read_message_max(message_bytes_max_);
  }
  reader_->add(bytes, item);
}

std::optional<std::string> websocket_codec::read_run(websocket_inbox& inbox) {
  if (!reader_ || reader_->run.empty())
    return std::nullopt;
  auto& in = *reader_;
  in.stream.next_layer().expose(std::exchange(in.run, {}));
  while (in.payload > 0 || in.messages > 0 || in.must_fail) {
    boost::beast::error_code ec;
    const auto size = read_some(inbox, ec);
    if (ec)
      return in.failed(ec, message_bytes_max_);
    if (in.stream.got_binary())
      return close_frame(close_code::unsupported, "text messages only");
    in.payload -= size;
    if (!in.stream.is_message_done())
      continue;
    --in.messages;
    const auto message = finish_message(inbox);
    // Beast does not check the end of a message again if the last fragment is empty.
    if (size == 0 && ends_within_code_point(message))
      return close_frame(close_code::bad_payload,
                         make_error_code(websocket::error::bad_frame_payload).message());
    inbox.messages_.push_back(message);
  }
  in.stream.next_layer().keep_rest();
  return std::nullopt;
}

/// Reads more of the current message. A message that an earlier read began grows in place.
std::size_t websocket_codec::read_some(websocket_inbox& inbox, boost::beast::error_code& ec) {
  auto& begun = reader_->begun;
  if (begun.empty()) {
    const auto space = std::span(inbox.payload_).subspan(inbox.end_);
    const auto size =
        reader_->stream.read_some(boost::asio::buffer(space.data(), space.size()), ec);
    inbox.end_ += size;
    return size;
  }
  const auto old = begun.size();
  begun.resize(old + reader_->payload + 1); // + 1, because Beast needs room even for an empty end
  const auto size = reader_->stream.read_some(boost::asio::buffer(begun) + old, ec);
  begun.resize(old + size);
  return size;
}

std::string_view websocket_codec::finish_message(websocket_inbox& inbox) {
  if (reader_->begun.empty()) {
    const auto message = inbox.unfinished();
    inbox.begin_ = inbox.end_;
    return message;
  }
  inbox.head_ = std::exchange(reader_->begun, {});
  return inbox.head_;
}

} // namespace telemetry::net
