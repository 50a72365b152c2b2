#include "access/keys_command.hpp"

#include "access/key_line.hpp"
#include "access/keys_file.hpp"
#include "core/utc_time.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <ostream>

namespace telemetry::access {

namespace {

namespace po = boost::program_options;

constexpr int exit_refused = 1;
constexpr int exit_usage = 2;
constexpr wall_ms day_ms = 24LL * 3'600 * 1'000;
constexpr wall_ms pruned_after = 90 * day_ms;

constexpr std::string_view help_text = R"(telemetryd keys COMMAND: the keys that callers show

  add ID --scope S... (--prefix P... | --all-robots) [--expires 365d|DATE|never] [--comment C]
          makes a key and prints it, once; S is ingest, read or admin
  list    one line per key
  show ID
  rotate ID [--overlap 24h]
          prints a new secret; the old one works for so long
  revoke ID
          ends the key at once; its id stays taken
  prune   drops keys that were revoked more than 90 days ago
  check [FILE]
          says whether a keys file would be taken

  --file FILE   in place of auth.keys_file
)";

struct usage_fault : std::runtime_error {
  using runtime_error::runtime_error;
};

/// What the command line says.
struct request {
  std::string command;
  std::vector<std::string> names; ///< ids, or the file of check
  po::variables_map options;

  [[nodiscard]] const std::string& id() const {
    if (names.size() != 1)
      throw usage_fault("keys " + command + " takes one id");
    if (!is_key_id(names.front())) // not repeated, because it may be a whole key
      throw usage_fault("an id is 1 to 32 of a-z, 0-9 and -");
    return names.front();
  }
  [[nodiscard]] std::vector<std::string> all(const char* option) const {
    return options.count(option) != 0 ? options[option].as<std::vector<std::string>>()
                                      : std::vector<std::string>{};
  }
  [[nodiscard]] std::string one(const char* option, std::string otherwise) const {
    return options.count(option) != 0 ? options[option].as<std::string>() : std::move(otherwise);
  }
};

request read(const std::vector<std::string>& arguments) {
  po::options_description all;
  all.add_options()("scope", po::value<std::vector<std::string>>()->composing())(
      "prefix", po::value<std::vector<std::string>>()->composing())("all-robots", "")(
      "expires", po::value<std::string>())("comment", po::value<std::string>())(
      "overlap", po::value<std::string>())("file", po::value<std::string>())("help,h", "")(
      "words", po::value<std::vector<std::string>>());
  po::positional_options_description words;
  words.add("words", -1);
  constexpr int exact_names =
      po::command_line_style::unix_style ^ po::command_line_style::allow_guessing;
  request out;
  try {
    po::store(
        po::command_line_parser(arguments).options(all).positional(words).style(exact_names).run(),
        out.options);
  } catch (const po::error& wrong) {
    throw usage_fault(wrong.what());
  }
  out.names = out.all("words");
  if (out.names.empty() || out.options.count("help") != 0)
    return out;
  out.command = out.names.front();
  out.names.erase(out.names.begin());
  return out;
}

/// A moment after `now`: a duration such as 365d, or a UTC time, or a date.
wall_ms moment(const std::string& text, wall_ms now) {
  if (const auto time = read_utc_time(text))
    return *time;
  if (const auto time = read_utc_time(text + "T00:00:00Z"))
    return *time;
  if (text.ends_with('d') && text.size() >= 2 && text.size() <= 6 &&
      text.find_first_not_of("0123456789") == text.size() - 1)
    return now + std::stoll(text) * day_ms;
  if (text.ends_with('h') && text.size() >= 2 && text.size() <= 6 &&
      text.find_first_not_of("0123456789") == text.size() - 1)
    return now + std::stoll(text) * day_ms / 24;
  throw usage_fault('"' + text + "\" is neither a duration such as 365d or 24h nor a UTC date");
}

scope scope_of(const std::string& name) {
  if (const auto one = scope_named(name))
    return *one;
  throw usage_fault("--scope is ingest, read or admin");
}

/// The key that `add` asks for, without a hash.
key asked_key(const request& asked, wall_ms now) {
  key out;
  out.id = asked.id();
  const auto scopes = asked.all("scope");
  if (scopes.empty())
    throw usage_fault("keys add needs --scope");
  for (const auto& name : scopes)
    out.may.add(scope_of(name));
  out.prefixes = asked.all("prefix");
  const bool has_all = asked.options.count("all-robots") != 0;
  if (has_all == !out.prefixes.empty())
    throw usage_fault("keys add needs either --prefix or --all-robots");
  out.robots = has_all ? name_filter::all() : name_filter(out.prefixes);
  const auto expires = asked.one("expires", "365d");
  if (expires != "never")
    out.expires = moment(expires, now);
  if (out.expires && *out.expires <= now)
    throw usage_fault("--expires is not in the future");
  out.comment = asked.one("comment", "");
  try {
    (void)write_key_line(out);
  } catch (const std::exception&) {
    throw usage_fault("--prefix and --comment must be UTF-8");
  }
  return out;
}

std::string state_of(const key& one, wall_ms now) {
  if (one.revoked)
    return "revoked";
  if (one.expires && *one.expires <= now)
    return "expired";
  return "valid";
}

std::string time_text(wall_ms time) {
  std::string out;
  append_utc_time(out, time);
  return out;
}

std::string scopes_text(rights may) {
  std::string out;
  for (const auto& one : named_scopes) {
    if (may.list(one.value))
      out.append(out.empty() ? "" : ",").append(one.name);
  }
  return out;
}

/// `text` without characters that a terminal obeys, or that would end a column.
std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0u;
    const bool is_c1 = byte == 0xC2 && next >= 0x80 && next < 0xA0; // U+0080 to U+009F
    out += is_c1 || byte < 0x20 || byte == 0x7F ? '?' : text[i];
    i += is_c1 ? 1 : 0;
  }
  return out;
}

std::string robots_text(const key& one) {
  if (one.robots.permits_all())
    return "all";
  return printable(one.prefixes.front()) +
         (one.prefixes.size() > 1 ? " and " + std::to_string(one.prefixes.size() - 1) + " more"
                                  : "");
}

void print_line(std::ostream& out, const key& one, wall_ms now) {
  out << one.id << '\t' << state_of(one, now);
  if (!one.revoked)
    out << '\t' << scopes_text(one.may) << '\t' << robots_text(one) << '\t'
        << (one.expires ? time_text(*one.expires) : "never") << '\t' << printable(one.comment);
  out << '\n';
}

class keys_command {
public:
  keys_command(const request& asked, std::string path, wall_ms now, std::ostream& out,
               std::ostream& advice)
      : asked_(asked), path_(std::move(path)), now_(now), out_(out), advice_(advice) {}

  int run() {
    const auto& name = asked_.command;
    if ((name == "list" || name == "prune") && !asked_.names.empty())
      throw usage_fault("keys " + name + " takes no further word");
    if (name == "check" && asked_.names.size() > 1)
      throw usage_fault("keys check takes one file");
    if (name == "check" && asked_.names.size() == 1)
      path_ = asked_.names.front();
    if (path_.empty())
      throw usage_fault("set auth.keys_file, or say --file FILE");
    if (name == "add")
      return add();
    if (name == "list")
      return list();
    if (name == "show")
      return show();
    if (name == "rotate")
      return rotate();
    if (name == "revoke")
      return revoke();
    if (name == "prune")
      return prune();
    if (name == "check")
      return check();
    throw usage_fault("there is no command \"keys " + name + '"');
  }

private:
  int refuse(const failure& why) {
    advice_ << "telemetryd keys: " << why.text << '\n';
    return exit_refused;
  }
  int edit(const std::function<result<void>(keys_edit&)>& change) {
    const auto done = edit_keys_file(path_, change);
    return done ? 0 : refuse(done.error());
  }

  int add() {
    auto one = asked_key(asked_, now_);
    const auto text = make_key(one.id);
    if (!text)
      return refuse(text.error());
    one.hashes = {{hash_of_key(*text), {}}};
    const int code = edit([&one](keys_edit& keys) -> result<void> {
      if (keys.find(one.id) != nullptr)
        return failure{errc::invalid_option, "there is a key \"" + one.id + "\" already"};
      keys.append(one);
      return {};
    });
    return code == 0 ? tell(*text) : code;
  }

  int rotate() {
    const auto& id = asked_.id();
    const auto overlap_end = moment(asked_.one("overlap", "24h"), now_);
    const auto text = make_key(id);
    if (!text)
      return refuse(text.error());
    const int code = edit([&](keys_edit& keys) -> result<void> {
      key* const found = keys.find(id);
      if (found == nullptr || found->revoked)
        return failure{errc::invalid_option, "there is no key \"" + id + "\" that is valid"};
      std::erase_if(found->hashes,
                    [this](const secret_hash& one) { return one.until && *one.until <= now_; });
      if (found->hashes.size() > 1)
        return failure{errc::invalid_option, "\"" + id + "\" is being rotated until " +
                                                 time_text(found->hashes.back().until.value_or(0))};
      for (auto& one : found->hashes) // none gets more time than it had
        one.until = std::min(one.until.value_or(overlap_end), overlap_end);
      found->hashes.insert(found->hashes.begin(), {hash_of_key(*text), {}});
      return {};
    });
    if (code != 0)
      return code;
    advice_ << "The older secret works until " << time_text(overlap_end) << " at most.\n";
    return tell(*text);
  }

  int revoke() {
    const auto& id = asked_.id();
    return edit([&](keys_edit& keys) -> result<void> {
      key* const found = keys.find(id);
      if (found == nullptr)
        return failure{errc::invalid_option, "there is no key \"" + id + '"'};
      if (!found->revoked) {
        *found = key{};
        found->id = id;
        found->revoked = now_;
      }
      return {};
    });
  }

  int prune() {
    return edit([this](keys_edit& keys) -> result<void> {
      const auto is_old = [this](const key& one) {
        return one.revoked && *one.revoked + pruned_after <= now_;
      };
      const auto count = keys.remove(is_old);
      advice_ << count << " keys were dropped.\n";
      return {};
    });
  }

  int list() {
    const auto keys = read_keys_file(path_);
    if (!keys)
      return refuse(keys.error());
    for (const auto& one : keys->keys())
      print_line(out_, one, now_);
    return 0;
  }

  int show() {
    const auto& id = asked_.id();
    const auto keys = read_keys_file(path_);
    if (!keys)
      return refuse(keys.error());
    const key* const found = keys->find(id);
    if (found == nullptr)
      return refuse({errc::invalid_option, "there is no key \"" + id + '"'});
    out_ << write_key_line(*found) << '\n';
    return 0;
  }

  int check() {
    const auto keys = read_keys_file(path_);
    if (!keys)
      return refuse(keys.error());
    const auto valid =
        std::count_if(keys->keys().begin(), keys->keys().end(),
                      [this](const key& one) { return state_of(one, now_) == "valid"; });
    advice_ << path_ << " has " << keys->size() << " keys, " << valid << " of them valid.\n";
    return 0;
  }

  /// Prints the key, which no file has. @returns the exit code
  int tell(const std::string& text) {
    out_ << text << '\n' << std::flush;
    if (!out_)
      return refuse({errc::unavailable, "the key could not be printed and is lost; revoke it"});
    advice_ << "Keep it now: only its hash is stored. Show it as \"Authorization: Bearer KEY\".\n";
    return 0;
  }

  const request& asked_;
  std::string path_;
  wall_ms now_;
  std::ostream& out_;
  std::ostream& advice_;
};

} // namespace

std::string_view keys_help() noexcept { return help_text; }

int run_keys_command(const std::vector<std::string>& arguments, std::string path, long long now_ms,
                     std::ostream& out, std::ostream& advice) {
  try {
    const auto asked = read(arguments);
    if (asked.command.empty()) {
      out << help_text;
      return asked.options.count("help") != 0 ? 0 : exit_usage;
    }
    path = asked.one("file", std::move(path));
    const int code = keys_command(asked, std::move(path), now_ms, out, advice).run();
    out.flush();
    return out ? code : exit_refused;
  } catch (const usage_fault& fault) {
    advice << "telemetryd keys: " << fault.what() << "; telemetryd keys --help\n";
    return exit_usage;
  }
}

} // namespace telemetry::access
