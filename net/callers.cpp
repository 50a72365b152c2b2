#include "net/callers.hpp"

#include "net/rest/format_media.hpp"

#include <algorithm>
#include <chrono>

namespace telemetry::net {

namespace {

refusal refusal_of(access::key_fault fault) noexcept {
  return fault == access::key_fault::checksum ? refusal::checksum : refusal::malformed;
}

refusal refusal_of(access::key_refusal why) noexcept {
  switch (why) {
  case access::key_refusal::unknown:
    return refusal::unknown;
  case access::key_refusal::secret:
    return refusal::secret;
  case access::key_refusal::revoked:
    return refusal::revoked;
  case access::key_refusal::expired:
    return refusal::expired;
  }
  return refusal::unknown;
}

/// The credentials of `Bearer <credentials>` (RFC 6750, 2.1); nullopt for another scheme.
std::optional<std::string_view> bearer_of(std::string_view authorization) noexcept {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() < scheme.size() ||
      !equals_ignoring_case(authorization.substr(0, scheme.size()), scheme))
    return std::nullopt;
  authorization.remove_prefix(scheme.size());
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
  return authorization;
}

caller_ptr make_caller(const access::key& one, const std::string& certificate) {
  return std::make_shared<const caller>(caller{.name = "key:" + one.id,
                                               .may = one.may,
                                               .robots = one.robots,
                                               .ends = one.expires,
                                               .certificate = certificate});
}

bool is_over(const caller& one, wall_ms now) noexcept { return one.ends && *one.ends <= now; }

caller_ptr make_caller(const access::key& one, const access::secret_hash& secret) {
  return std::make_shared<const caller>(caller{.name = "key:" + one.id,
                                               .may = one.may,
                                               .robots = one.robots,
                                               .ends = access::key_set::end_of(one, secret),
                                               .key = caller::shown_key{one.id, secret.value}});
}

} // namespace

wall_ms wall_now() noexcept {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string_view name_of(refusal why) noexcept {
  switch (why) {
  case refusal::none:
    return "none";
  case refusal::malformed:
    return "malformed";
  case refusal::checksum:
    return "checksum";
  case refusal::unknown:
    return "unknown";
  case refusal::revoked:
    return "revoked";
  case refusal::expired:
    return "expired";
  case refusal::secret:
    return "secret";
  case refusal::scope:
    return "scope";
  }
  return "none";
}

std::shared_ptr<const callers> callers::open(caller_ptr everybody) {
  const std::shared_ptr<callers> out(new callers);
  out->everybody_ = std::move(everybody);
  return out;
}

const callers_ptr& open_callers() {
  static const callers_ptr everybody = callers::open(anonymous());
  return everybody;
}

std::shared_ptr<const callers> callers::with_keys(access::key_set keys) {
  const std::shared_ptr<callers> out(new callers);
  out->by_key_.resize(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto& one = keys.keys()[i];
    for (std::size_t hash = 0; hash < one.hashes.size(); ++hash)
      out->by_key_[i].at(hash) = make_caller(one, one.hashes[hash]);
    for (const auto& certificate : one.certificates)
      out->by_certificate_.emplace(certificate, make_caller(one, certificate));
  }
  out->keys_ = std::move(keys);
  return out;
}

const caller_ptr& callers::caller_of(const access::key_set::verdict& verdict) const {
  const auto index = static_cast<std::size_t>(verdict.found - keys_->keys().data());
  return by_key_[index].at(verdict.hash);
}

callers::identity callers::identify(std::string_view authorization, wall_ms now) const {
  if (!keys_)
    return {.who = everybody_};
  if (authorization.empty())
    return {.why = refusal::none};
  const auto shown = bearer_of(authorization);
  access::key_fault fault{};
  const auto parts = shown ? access::read_key(*shown, &fault) : std::nullopt;
  if (!parts)
    return {.why = shown ? refusal_of(fault) : refusal::malformed};
  const auto verdict = keys_->check(*parts, *shown, now);
  if (verdict.found == nullptr)
    return {.why = refusal_of(verdict.why),
            .key_id = verdict.meant != nullptr ? verdict.meant->id : std::string_view()};
  return {.who = caller_of(verdict)};
}

caller_ptr callers::identify(std::span<const std::string> identities, wall_ms now) const {
  for (const auto& one : identities) {
    const auto found = by_certificate_.find(one);
    if (found != by_certificate_.end() && !is_over(*found->second, now))
      return found->second;
  }
  return nullptr;
}

caller_ptr callers::renew(const caller_ptr& one, wall_ms now) const {
  if (!one->certificate.empty())
    return identify(std::span(&one->certificate, 1), now);
  if (!one->key)
    return one == anonymous() && keys_ ? nullptr : one;
  if (!keys_)
    return nullptr;
  const auto verdict = keys_->check(one->key->id, one->key->hash, now);
  return verdict.found == nullptr ? nullptr : caller_of(verdict);
}

std::optional<wall_ms> callers::next_end(wall_ms now) const noexcept {
  std::optional<wall_ms> first;
  const auto look_at = [&](const caller_ptr& one) {
    if (one && one->ends && *one->ends > now && (!first || *one->ends < *first))
      first = one->ends;
  };
  for (const auto& hashes : by_key_)
    std::ranges::for_each(hashes, look_at);
  for (const auto& [certificate, one] : by_certificate_)
    look_at(one);
  return first;
}

} // namespace telemetry::net
