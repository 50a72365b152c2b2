#pragma once

#include "net/rest/http_message.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <optional>
#include <string_view>

namespace telemetry::net {

/// Kinds of requests for /upstream (RFC 6455, 4.2.1).
enum class upgrade_request {
  none,        ///< no WebSocket handshake
  good,        ///< a correct WebSocket handshake
  bad_key,     ///< a handshake without exactly one Sec-WebSocket-Key of 16 bytes
  bad_version, ///< a handshake for a version other than 13
};

/// The kind of the request `head`. @pre join_list_fields(head)
[[nodiscard]] upgrade_request
judge_upgrade(const boost::beast::http::request<boost::beast::http::string_body>& head);

/// Writes Connection and Upgrade of a good handshake as Beast expects them, because Beast does not
/// find `websocket` behind the name of a protocol that has a version.
void simplify_upgrade(boost::beast::http::request<boost::beast::http::string_body>& head);

/// Whether the client offers the WebSocket sub-protocol `name`, whose case matters.
/// @pre join_list_fields(head)
[[nodiscard]] bool
offers_protocol(const boost::beast::http::request<boost::beast::http::string_body>& head,
                std::string_view name) noexcept;

/// The answer that refuses a bad handshake; nullopt for kinds `good` and `none`.
[[nodiscard]] std::optional<http_answer> refuse_upgrade(upgrade_request kind,
                                                        std::string_view target);

} // namespace telemetry::net
