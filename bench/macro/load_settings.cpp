#include "bench/macro/load_settings.hpp"

#include <boost/program_options.hpp>
#include <iostream>
#include <limits>
#include <stdexcept>

namespace telemetry::bench {

namespace {

namespace po = boost::program_options;

auto flag(bool& to, bool by_default) {
  return po::value(&to)->default_value(by_default)->implicit_value(true);
}

// clang-format off
void describe_load(po::options_description& options, load_settings& out) {
  options.add_options()
    ("help", "this text")
    ("port", po::value(&out.load.port.number)->required(), "the server's port on 127.0.0.1")
    ("tls", flag(out.load.port.has_tls, false), "speak TLS; the certificate is not checked")
    ("key-file", po::value(&out.load.port.key_file), "show the key in this file")
    ("connections", po::value(&out.load.connections)->default_value(64), "WebSockets")
    ("window", po::value(&out.load.message.window)->default_value(16), "messages in flight per connection")
    ("lines", po::value(&out.load.message.lines)->default_value(1), "events per message")
    ("events", po::value(&out.events)->default_value(1'000'000), "in all; rounded up to whole messages, the same number on every connection")
    ("seconds", po::value(&out.load.seconds)->default_value(0), "stop sending after so long (or on SIGINT), whatever --events says")
    ("rate", po::value(&out.load.rate)->default_value(0), "open loop: events per second in all; 0: closed loop")
    ("hold", po::value(&out.hold_seconds)->default_value(0), "then let the server come to rest and keep the connections open for so many seconds more, measuring it");
}

void describe_data(po::options_description& options, load_settings& out, std::uint64_t& skip) {
  options.add_options()
    ("robots", po::value(&out.robots.robots)->default_value(1000), "robot names; name i is fed by connection i mod connections")
    ("order", po::value(&out.order)->default_value("shuffled"), "of a connection's robots: shuffled (anew for each pass) or round-robin")
    ("falling", po::value(&out.robots.falling)->default_value(1), "timestamps of a robot fall for so many events, then go on above; 1: they rise")
    ("prefix", po::value(&out.robots.prefix)->default_value("robot-"), "of the names; six digits follow")
    ("replay", po::value(&out.replay_file), "file of event lines of one robot, which all robots drive, each from a place of its own; none: random walks")
    ("seed", po::value(&out.robots.seed)->default_value(1), "of walks and order")
    ("skip", po::value(&skip)->default_value(0), "go on where a run with so many --events has ended, with as many robots and connections");
}

void describe_measurement(po::options_description& options, load_settings& out) {
  options.add_options()
    ("pid", po::value(&out.pid)->default_value(0), "process to measure; 0: none")
    ("data-dir", po::value(&out.data_dir), "its data directory, to tell bytes per event")
    ("settle", po::value(&out.settle_seconds)->default_value(8), "wait at least so many seconds after the load, then until the server is at rest")
    ("verify", flag(out.verify, true), "compare every robot with the server's list afterwards")
    ("verify-only", flag(out.verify_only, false), "send nothing: compare with what a run with these options (no --seconds) has left");
}
// clang-format on

void check(const load_settings& given, std::uint64_t skip) {
  if (given.order != "shuffled" && given.order != "round-robin")
    throw std::invalid_argument("--order is shuffled or round-robin");
  const auto& message = given.load.message;
  if (message.window == 0 || message.lines == 0 || given.load.rate < 0)
    throw std::invalid_argument("--window and --lines are at least 1, --rate is at least 0");
  if (given.hold_seconds > 0 && given.pid == 0)
    throw std::invalid_argument("--hold measures a server: it needs --pid");
  if (given.load.connections == 0 || skip % given.load.connections != 0)
    throw std::invalid_argument("--skip is the same number on every connection");
}

} // namespace

std::optional<load_settings> read_load_settings(int argc, char** argv) {
  load_settings out;
  std::uint64_t skip = 0;
  po::options_description options("telemetry_load: feeds a telemetry server and measures it");
  describe_load(options, out);
  describe_data(options, out, skip);
  describe_measurement(options, out);
  po::variables_map given;
  po::store(po::parse_command_line(argc, argv, options), given);
  if (given.count("help") > 0) {
    std::cout << options;
    return std::nullopt;
  }
  po::notify(given);
  check(out, skip);
  out.robots.order = out.order == "shuffled" ? robot_order::shuffled : robot_order::round_robin;
  out.robots.lanes = out.load.connections;
  if (!out.replay_file.empty())
    out.robots.replay = std::make_shared<const track>(track::read(out.replay_file));
  out.skipped_per_connection = skip / out.load.connections;
  const auto per_round = out.load.message.lines * out.load.connections;
  out.load.messages_per_connection = out.load.seconds > 0
                                         ? std::numeric_limits<std::uint32_t>::max()
                                         : (out.events + per_round - 1) / per_round;
  return out;
}

} // namespace telemetry::bench
