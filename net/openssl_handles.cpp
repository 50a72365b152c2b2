#include "net/openssl_handles.hpp"

#include <openssl/err.h>

namespace telemetry::net {

std::string take_openssl_reason() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

} // namespace telemetry::net
