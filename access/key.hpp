#pragma once

#include "access/key_text.hpp"
#include "access/rights.hpp"
#include "core/name_filter.hpp"
#include "core/robot_state.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace telemetry::access {

/// The hash of one secret of a key. While a key is rotated it has two.
struct secret_hash {
  key_hash value;
  std::optional<wall_ms> until; ///< the secret ends then; nullopt: with the key

  friend bool operator==(const secret_hash&, const secret_hash&) = default;
};

/// One line of a keys file: who may do what, until when. A revoked key has an id and nothing else.
struct key {
  std::string id;
  std::vector<secret_hash> hashes; ///< at most two; none if only a certificate speaks for the key
  rights may{};
  name_filter robots = name_filter::none();
  std::vector<std::string> prefixes; ///< as written; empty if `robots` permits all
  std::optional<wall_ms> expires;    ///< nullopt: never
  std::optional<wall_ms> revoked;
  std::string comment;
  /// `san:dns:NAME`, `san:uri:URI`, `subject:` and the RFC 2253 text, `spki:sha256:HEX`.
  std::vector<std::string> certificates;

  friend bool operator==(const key&, const key&) = default;
};

} // namespace telemetry::access
