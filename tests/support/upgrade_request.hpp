#pragma once

#include "net/websocket_codec.hpp"

namespace telemetry::test {

/// A good opening handshake of a WebSocket.
inline net::websocket_codec::request upgrade_request() {
  namespace http = boost::beast::http;
  net::websocket_codec::request request{http::verb::get, "/upstream", 11};
  request.set(http::field::host, "localhost");
  request.set(http::field::connection, "Upgrade");
  request.set(http::field::upgrade, "websocket");
  request.set(http::field::sec_websocket_version, "13");
  request.set(http::field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
  return request;
}

} // namespace telemetry::test
