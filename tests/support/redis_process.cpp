#include "tests/support/redis_process.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace telemetry::test {
namespace {

[[noreturn]] void run_script(const std::vector<std::string>& command, int input, int output) {
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const std::string& one : command)
    arguments.push_back(const_cast<char*>(one.c_str()));
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

std::string read_line(int from) {
  std::string line;
  for (char c = 0;;) {
    const auto got = read(from, &c, 1);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0 || c == '\n')
      return line;
    line += c;
  }
}

std::string shown(const redis::redis_value& reply, const redisReply* raw) {
  if (raw->type == REDIS_REPLY_NIL)
    return "(nil)";
  if (raw->type == REDIS_REPLY_ERROR)
    return "(error) " + std::string(reply.text());
  if (raw->type == REDIS_REPLY_INTEGER)
    return std::to_string(raw->integer);
  if (raw->type != REDIS_REPLY_ARRAY)
    return std::string(reply.text());
  std::string out;
  for (std::size_t i = 0; i < reply.size(); ++i)
    out += (i == 0 ? "" : "\n") + shown(reply[i], raw->element[i]);
  return out;
}

} // namespace

std::string shared_redis_socket() {
  const char* const path = std::getenv("TELEMETRY_TEST_REDIS");
  if (path == nullptr)
    throw std::runtime_error(
        "TELEMETRY_TEST_REDIS is not set: run `/usr/bin/python3 tests/support/redis_server.py DIR`"
        " and set it to the path of the unix socket that this prints");
  return path;
}

redis_options private_redis_options(const std::string& socket) {
  static int count = 0;
  redis_options options;
  options.socket = socket;
  options.prefix = "test:" + std::to_string(getpid()) + ":" + std::to_string(++count);
  return options;
}

void delete_redis_keys(const redis_options& options) {
  redis_client client(options);
  client({"EVAL", "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end",
          "0", options.prefix + ":*"});
}

redis_process::redis_process(const std::filesystem::path& directory,
                             const std::vector<std::string>& settings) {
  std::vector<std::string> command{"/usr/bin/python3",
                                   TELEMETRY_SOURCE_DIR "/tests/support/redis_server.py",
                                   directory.string()};
  command.insert(command.end(), settings.begin(), settings.end());
  std::array<int, 2> input{};
  std::array<int, 2> output{};
  if (pipe2(input.data(), O_CLOEXEC) != 0 || pipe2(output.data(), O_CLOEXEC) != 0)
    throw std::runtime_error("no pipe");
  script_ = fork();
  if (script_ == 0)
    run_script(command, input[0], output[1]);
  close(input[0]);
  close(output[1]);
  script_input_ = input[1];
  socket_ = read_line(output[0]);
  close(output[0]);
  if (socket_.empty())
    throw std::runtime_error("tests/support/redis_server.py did not start a server");
}

redis_process::~redis_process() {
  close(script_input_);
  while (waitpid(script_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

redis_client::redis_client(redis_options options) : session_(std::move(options)) {
  const auto connected = session_.connect();
  EXPECT_TRUE(connected) << connected.error().text;
}

std::string redis_client::operator()(std::initializer_list<std::string_view> arguments) {
  const auto replies = session_.run(redis::redis_pipeline().command(arguments));
  if (!replies)
    return "(lost) " + replies.error().text;
  return shown(redis::value_of(replies->front()), replies->front().get());
}

} // namespace telemetry::test
