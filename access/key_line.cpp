#include "access/key_line.hpp"

#include "core/name_fault.hpp"
#include "core/utc_time.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <set>
#include <stdexcept>

namespace telemetry::access {

namespace {

using nlohmann::json;

constexpr std::size_t hashes_max = 2;
constexpr std::string_view hex_digits = "0123456789abcdef";

/// What is wrong with a line. Never holds a part of it.
struct line_fault : std::runtime_error {
  using runtime_error::runtime_error;
};

[[noreturn]] void refuse(const std::string& why) { throw line_fault(why); }

/// Parses `line`, and refuses members that are repeated, which a json value does not show.
json parse(std::string_view line) {
  std::vector<std::set<std::string>> seen;
  const auto check = [&seen](int, json::parse_event_t event, json& part) {
    if (event == json::parse_event_t::object_start)
      seen.emplace_back();
    else if (event == json::parse_event_t::object_end)
      seen.pop_back();
    else if (event == json::parse_event_t::key &&
             !seen.back().insert(part.get<std::string>()).second)
      refuse("a member is repeated");
    return true;
  };
  // The parser takes a NUL for the end of its input, and skips a byte order mark.
  if (line.find('\0') != std::string_view::npos || line.starts_with("\xEF\xBB\xBF"))
    refuse("it has a NUL or a byte order mark");
  json parsed = json::parse(line, check, false);
  if (!parsed.is_object())
    refuse("it is no JSON object");
  return parsed;
}

/// Takes the known members out of an object. The members that remain are unknown.
class members {
public:
  members(json object, std::string where) : object_(std::move(object)), where_(std::move(where)) {
    if (!object_.is_object())
      refuse(where_ + " is no object");
  }

  [[nodiscard]] std::optional<json> take(const char* name) {
    const auto found = object_.find(name);
    if (found == object_.end())
      return std::nullopt;
    json value = std::move(*found);
    object_.erase(found);
    return value;
  }
  [[nodiscard]] json need(const char* name) {
    auto value = take(name);
    if (!value)
      refuse(where_ + " has no \"" + name + '"');
    return std::move(*value);
  }
  void end() const {
    if (!object_.empty())
      refuse(where_ + " has a member that is not known");
  }

private:
  json object_;
  std::string where_;
};

std::string text_of(const json& value, const std::string& what) {
  if (!value.is_string())
    refuse(what + " is no text");
  return value.get<std::string>();
}

wall_ms time_of(const json& value, const std::string& what) {
  const auto time = read_utc_time(text_of(value, what));
  if (!time)
    refuse(what + " is no UTC time such as 2027-11-29T00:00:00Z");
  return *time;
}

/// The texts of an array of `least` to `most`.
std::vector<std::string> texts_of(const json& value, const std::string& what, std::size_t least,
                                  std::size_t most) {
  if (!value.is_array() || value.size() < least || value.size() > most)
    refuse(what + " is no list of " + std::to_string(least) + " to " + std::to_string(most) +
           " texts");
  std::vector<std::string> out;
  for (const auto& one : value)
    out.push_back(text_of(one, "an entry of " + what));
  return out;
}

key_hash hash_of(const std::string& hex) {
  key_hash hash{};
  if (hex.size() != 2 * hash.size())
    refuse("\"sha256\" has not 64 digits");
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const auto digit = hex_digits.find(hex[i]);
    if (digit == std::string_view::npos)
      refuse("\"sha256\" has another character than 0-9 and a-f");
    hash[i / 2] = static_cast<unsigned char>(hash[i / 2] << 4 | digit);
  }
  return hash;
}

std::vector<secret_hash> hashes_of(const json& value) {
  if (!value.is_array() || value.size() > hashes_max)
    refuse("\"hashes\" is no list of at most two");
  std::vector<secret_hash> out;
  for (const auto& one : value) {
    members parts(one, "an entry of \"hashes\"");
    auto& hash = out.emplace_back();
    hash.value = hash_of(text_of(parts.need("sha256"), "\"sha256\""));
    if (const auto until = parts.take("until"))
      hash.until = time_of(*until, "\"until\"");
    parts.end();
  }
  if (out.size() == hashes_max && !out.front().until && !out.back().until)
    refuse("neither of two \"hashes\" has an \"until\"");
  return out;
}

rights rights_of(const json& value) {
  rights may{};
  for (const auto& name : texts_of(value, "\"scopes\"", 1, 3)) {
    const auto one = scope_named(name);
    if (!one)
      refuse("\"scopes\" has another entry than ingest, read and admin");
    if (may.list(*one))
      refuse("\"scopes\" has an entry twice");
    may.add(*one);
  }
  return may;
}

void read_prefixes(const json& value, key& into) {
  if (value == "all") {
    into.robots = name_filter::all();
    return;
  }
  if (!value.is_array() || value.empty()) // [] could be read as "none" and as "all"
    refuse("\"prefixes\" is neither \"all\" nor a list of 1 to 256 texts");
  into.prefixes = texts_of(value, "\"prefixes\"", 1, prefixes_max);
  for (const auto& one : into.prefixes) {
    if (!detail::name_fault(one).empty())
      refuse("an entry of \"prefixes\" is not the beginning of a legal name");
  }
  into.robots = name_filter(into.prefixes);
}

bool is_identity(std::string_view text) {
  constexpr std::string_view hash_kind = "spki:sha256:";
  for (const std::string_view kind : {"san:dns:", "san:uri:", "subject:"})
    if (text.starts_with(kind))
      return text.size() > kind.size();
  return text.starts_with(hash_kind) && text.size() == hash_kind.size() + 64 &&
         text.find_first_not_of(hex_digits, hash_kind.size()) == std::string_view::npos;
}

void read_certificates(const json& value, key& into) {
  into.certificates = texts_of(value, "\"certificates\"", 1, prefixes_max);
  for (const auto& one : into.certificates)
    if (!is_identity(one))
      refuse("an entry of \"certificates\" is none of san:dns:NAME, san:uri:URI, subject:TEXT, "
             "spki:sha256:HEX");
}

/// The members of a key that is not revoked, but for its id.
void read_members(members& parts, key& into) {
  into.hashes = hashes_of(parts.need("hashes"));
  into.may = rights_of(parts.need("scopes"));
  read_prefixes(parts.need("prefixes"), into);
  if (const json expires = parts.need("expires"); expires != "never")
    into.expires = time_of(expires, "\"expires\"");
  if (const auto comment = parts.take("comment"))
    into.comment = text_of(*comment, "\"comment\"");
  if (const auto certificates = parts.take("certificates"))
    read_certificates(*certificates, into);
  if (into.hashes.empty() && into.certificates.empty())
    refuse("it has neither a hash nor a certificate");
}

std::string hex_of(const key_hash& hash) {
  std::string out;
  for (const unsigned char one : hash) {
    out += hex_digits[one >> 4];
    out += hex_digits[one & 15];
  }
  return out;
}

std::string text_of_time(wall_ms time) {
  std::string out;
  append_utc_time(out, time);
  return out;
}

json scopes_of(rights may) {
  json out = json::array();
  for (const auto& one : named_scopes) {
    if (may.list(one.value))
      out.push_back(one.name);
  }
  return out;
}

} // namespace

result<key> read_key_line(std::string_view line) {
  try {
    members parts(parse(line), "the key");
    key out;
    out.id = text_of(parts.need("id"), "\"id\"");
    if (!is_key_id(out.id))
      refuse("\"id\" is not 1 to 32 of a-z, 0-9 and -");
    if (const auto revoked = parts.take("revoked"))
      out.revoked = time_of(*revoked, "\"revoked\"");
    else
      read_members(parts, out);
    parts.end();
    return out;
  } catch (const line_fault& fault) {
    return failure{errc::malformed, fault.what()};
  }
}

std::string write_key_line(const key& one) {
  nlohmann::ordered_json out;
  out["id"] = one.id;
  if (one.revoked) {
    out["revoked"] = text_of_time(*one.revoked);
    return out.dump();
  }
  out["hashes"] = json::array();
  for (const auto& hash : one.hashes) {
    nlohmann::ordered_json entry;
    entry["sha256"] = hex_of(hash.value);
    if (hash.until)
      entry["until"] = text_of_time(*hash.until);
    out["hashes"].push_back(entry);
  }
  out["scopes"] = scopes_of(one.may);
  out["prefixes"] = one.robots.permits_all() ? json("all") : json(one.prefixes);
  out["expires"] = one.expires ? json(text_of_time(*one.expires)) : json("never");
  if (!one.comment.empty())
    out["comment"] = one.comment;
  if (!one.certificates.empty())
    out["certificates"] = one.certificates;
  return out.dump();
}

} // namespace telemetry::access
