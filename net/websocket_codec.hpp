#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include "net/frame_scanner.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace telemetry::net {

/// Turns the bytes of one socket read into messages. One per I/O thread, so that a connection holds
/// only incomplete input. It needs no buffers, and no Beast stream between two messages.
class websocket_inbox {
public:
  static constexpr std::size_t read_bytes_max = 64u << 10;
  /// websocket_codec::read() stops at the first frame that ends after so many bytes, because only
  /// the engine knows the cost of messages and has to count it in between.
  static constexpr std::size_t slice_bytes = 4u << 10;

  /// @param executor of a context that outlives the inbox. No handler is posted to it.
  explicit websocket_inbox(boost::asio::any_io_executor executor);
  ~websocket_inbox();
  websocket_inbox(const websocket_inbox&) = delete;
  websocket_inbox& operator=(const websocket_inbox&) = delete;

  /// The buffer for a socket read, before websocket_codec::take_in().
  [[nodiscard]] std::span<char> space() noexcept {
    return std::span(raw_).subspan(frame_scanner::incomplete_max);
  }

  /// The text messages that the last websocket_codec::read() completed, in order. Valid until its
  /// next call.
  [[nodiscard]] std::span<const std::string_view> messages() const noexcept { return messages_; }
  /// How many frames, or parts of frames, the last websocket_codec::read() read.
  [[nodiscard]] std::size_t frames() const noexcept { return frames_; }
  /// Whether websocket_codec::read() may find more in the input of this turn.
  [[nodiscard]] bool has_input() const noexcept { return !input_.empty() && !is_incomplete_; }

  /// Number of Beast streams that no connection uses.
  [[nodiscard]] std::size_t idle_streams() const noexcept { return idle_readers_.size(); }

private:
  friend class websocket_codec;
  struct reader;

  static constexpr std::size_t idle_readers_max = 64; ///< about 200 KB

  [[nodiscard]] std::unique_ptr<reader> take_reader();
  void give_back(std::unique_ptr<reader> one);

  void start() noexcept {
    messages_.clear();
    frames_ = 0;
    head_ = {};
    begin_ = end_ = 0;
  }
  [[nodiscard]] std::string_view unfinished() const noexcept {
    return {payload_.data() + begin_, end_ - begin_};
  }

  std::vector<char> raw_ = std::vector<char>(frame_scanner::incomplete_max + read_bytes_max);
  std::span<const std::uint8_t> input_; ///< the part of raw_ that is not read yet
  bool is_incomplete_ = false;          ///< input_ begins with an incomplete frame
  std::size_t frames_ = 0;
  std::vector<char> payload_ = std::vector<char>(raw_.size());
  std::size_t begin_ = 0; ///< in payload_, of the message that is being read
  std::size_t end_ = 0;
  std::string head_; ///< the message that an earlier read began
  std::vector<std::string_view> messages_;
  boost::asio::any_io_executor executor_;
  std::vector<std::unique_ptr<reader>> idle_readers_; ///< handshake done, between two messages
};

/// The protocol side of one WebSocket, without a socket: bytes in, messages and bytes out.
///
/// Beast does the handshake, masking, fragments, UTF-8, limits and close frames. It reads from
/// memory, and only as far as it can without waiting, which frame_scanner determines. Pings are
/// answered here, because Beast would wait for the next message after a ping. Between two messages
/// all Beast streams are in the same state. Therefore a connection borrows a stream from the inbox
/// for each message.
///
/// Thread-safety: none. Blocking: never. Errors: a close frame, see read().
class websocket_codec {
public:
  using request = boost::beast::http::request<boost::beast::http::string_body>;

  /// @param message_bytes_max larger messages end in a close with 1009.
  explicit websocket_codec(std::size_t message_bytes_max);
  ~websocket_codec();
  websocket_codec(const websocket_codec&) = delete;
  websocket_codec& operator=(const websocket_codec&) = delete;

  /// The only sub-protocol of this server (PROTOCOL.md §3).
  static constexpr std::string_view protocol = "telemetry.v1";

  struct refusal {
    int status; ///< of HTTP: 400, or 426 for a version other than 13
    std::string reason;
  };
  /// Answers the client's handshake. `server` is for the Server header. Selects our sub-protocol if
  /// the client offers it, otherwise none.
  /// @returns nullopt if `out` got the response that switches to WebSocket; otherwise the reason
  ///          why there is no switch.
  [[nodiscard]] std::optional<refusal> accept(const request& upgrade, std::string_view server,
                                              websocket_inbox& inbox, std::string& out);

  /// Begins a turn. Its input is the incomplete frame of the last turn, followed by the first
  /// `size` bytes of inbox.space(). @pre size == 0 if has_rest(); the input is then the rest.
  void take_in(websocket_inbox& inbox, std::size_t size);
  /// Reads the next slice of the input. Fills inbox.messages(); appends pongs to `out`.
  /// @pre inbox.has_input()
  /// @returns nullopt while the connection is open; otherwise the close frame to be sent once the
  ///          messages are answered. Must not be called after that.
  [[nodiscard]] std::optional<std::string> read(websocket_inbox& inbox, std::string& out);
  /// Ends the turn: keeps the input that was not read.
  void keep_rest(websocket_inbox& inbox);

  /// Keeps `bytes`, which were received after the handshake, for the first turn.
  void keep_early(std::string_view bytes);
  /// Whether the next turn need not wait for the socket. The rest is at most one read, plus the
  /// bytes of keep_early().
  [[nodiscard]] bool has_rest() const noexcept { return has_rest_; }
  /// Whether the start of a message was read and its end was not.
  [[nodiscard]] bool is_within_message() const noexcept { return reader_ != nullptr; }
  /// Bytes of memory that the input of this connection takes.
  [[nodiscard]] std::size_t held_bytes() const noexcept;
  /// Gives the memory of a begun message and of the rest of a turn back. @pre not within read(),
  /// and nothing is read any more.
  void drop() noexcept;

private:
  using reader = websocket_inbox::reader;

  static constexpr std::size_t idle_rest_bytes_max = 256;
  static constexpr std::size_t reader_bytes = 3'200; ///< with all that Beast allocates for it

  void add(websocket_inbox& inbox, std::span<const std::uint8_t> bytes, const frame_item& item);
  [[nodiscard]] std::optional<std::string> read_run(websocket_inbox& inbox);
  [[nodiscard]] std::size_t read_some(websocket_inbox& inbox, boost::beast::error_code& ec);
  [[nodiscard]] std::string_view finish_message(websocket_inbox& inbox);

  frame_scanner scanner_;
  std::size_t message_bytes_max_;
  std::unique_ptr<reader> reader_; ///< within a message, or after a failure
  std::string rest_;      ///< input not read yet: an incomplete header or control frame, or more
  bool has_rest_ = false; ///< whole frames may be in it
};

} // namespace telemetry::net
