#include "bench/macro/peer_protocol.hpp"

#include <cassert>

/// OASIS MQTT 3.1.1, as little of it as a publisher with QoS 1 needs.
namespace telemetry::bench {

namespace {

constexpr char connect_packet = 0x10;
constexpr char connack_packet = 0x20;
constexpr char publish_qos1_retain = 0x33;
constexpr char puback_packet = 0x40;
constexpr char clean_session = 0x02;
constexpr std::size_t short_packet_bytes = 4; // CONNACK, PUBACK

void append_u16(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8 & 0xff);
  out += static_cast<char>(value & 0xff);
}

void append_text(std::string& out, std::string_view text) {
  append_u16(out, text.size());
  out += text;
}

/// §2.2.3: seven bits a byte, the lowest first.
void append_remaining_length(std::string& out, std::size_t value) {
  for (; value >= 128; value /= 128)
    out += static_cast<char>(value % 128 | 128);
  out += static_cast<char>(value);
}

class mqtt_protocol final : public peer_protocol {
public:
  explicit mqtt_protocol(std::size_t client) : client_("peer-load-" + std::to_string(client)) {}

  void greet(int fd) override {
    std::string head;
    append_text(head, "MQTT");
    head += '\x04'; // version 3.1.1
    head += clean_session;
    append_u16(head, 0); // no keep-alive
    append_text(head, client_);
    std::string packet(1, connect_packet);
    append_remaining_length(packet, head.size());
    send_all(fd, packet + head);
    const auto answer = receive_at_least(fd, short_packet_bytes);
    if (answer[0] != connack_packet || answer[3] != 0)
      throw refused("the broker does not accept the client");
  }

  void append_request(std::string& out, std::span<const event_fields> events) override {
    assert(events.size() == 1);
    const auto& event = events.front();
    topic_.assign("robots/").append(event.robot);
    state_.assign(event.x).append(",").append(event.y).append(",").append(event.timestamp);
    out += publish_qos1_retain;
    append_remaining_length(out, topic_.size() + state_.size() + 4);
    append_text(out, topic_);
    append_u16(out, next_id_);
    out += state_;
    next_id_ = following(next_id_);
  }

  std::size_t take_answers(std::string_view& in) override {
    std::size_t answers = 0;
    for (; in.size() >= short_packet_bytes; in.remove_prefix(short_packet_bytes)) {
      std::string expected(1, puback_packet);
      append_remaining_length(expected, 2);
      append_u16(expected, oldest_id_);
      if (!in.starts_with(expected))
        throw refused("not the PUBACK of the oldest message in flight");
      oldest_id_ = following(oldest_id_);
      ++answers;
    }
    return answers;
  }

private:
  /// 0 is no packet identifier (§2.3.1).
  static std::size_t following(std::size_t id) { return id == 0xffff ? 1 : id + 1; }

  std::string client_;
  std::string topic_;
  std::string state_;
  std::size_t next_id_ = 1;
  std::size_t oldest_id_ = 1;
};

} // namespace

std::unique_ptr<peer_protocol> make_mqtt_protocol(std::size_t client) {
  return std::make_unique<mqtt_protocol>(client);
}

} // namespace telemetry::bench
