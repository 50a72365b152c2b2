#include "net/websocket_session.hpp"

#include "net/websocket_basic_session.hpp"

namespace telemetry::net {

void start_websocket_session(
    boost::asio::ip::tcp::socket socket,
    const boost::beast::http::request<boost::beast::http::string_body>& upgrade,
    std::string_view received, session_context& context) {
  std::make_shared<basic_websocket_session<boost::asio::ip::tcp::socket>>(std::move(socket),
                                                                          context)
      ->start(upgrade, received);
}

} // namespace telemetry::net
