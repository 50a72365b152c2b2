#pragma once

#include "net/rest/http_budget.hpp"
#include "net/rest/http_message.hpp"

#include <cstddef>
#include <string_view>

namespace telemetry::net {

/// A shorter body is never compressed, because the packet that it saves costs less than the work.
inline constexpr std::size_t compressed_bytes_min = 1024;

/// Compresses the body of `answer`, also what follows of it, if `accept_encoding` asks for gzip and
/// the body is not short. It is sent as it is if `memory` has no room for another compressor.
/// Says in Vary that a body depends on the header, compressed or not.
void compress(http_answer& answer, std::string_view accept_encoding, request_budget& memory);

} // namespace telemetry::net
