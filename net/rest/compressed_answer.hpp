#pragma once

#include "net/rest/http_budget.hpp"
#include "net/rest/http_message.hpp"

#include <cstddef>
#include <string_view>

namespace telemetry::net {

/// A shorter body is not compressed, because compressing it costs more than the packet that it
/// would save.
inline constexpr std::size_t compressed_bytes_min = 1024;

/// Compresses the body of `answer` and its later pieces if `accept_encoding` allows gzip and the
/// body is not short. Leaves the body as it is if `memory` has no room for another compressor. Adds
/// a Vary header to every body that may be compressed.
void compress(http_answer& answer, std::string_view accept_encoding, request_budget& memory);

} // namespace telemetry::net
