#include "bench/macro/histogram.hpp"
#include "bench/macro/producer.hpp"
#include "bench/macro/report.hpp"

#include <boost/program_options.hpp>
#include <cppconn/connection.h>
#include <cppconn/driver.h>
#include <cppconn/resultset.h>
#include <cppconn/statement.h>
#include <cstdio>
#include <exception>
#include <functional>
#include <hiredis/hiredis.h>
#include <iostream>
#include <memory>
#include <stdexcept>

/// telemetry_get for peers that do not speak HTTP: one question, asked again and again on one
/// connection, each answer read whole.
namespace {

using namespace telemetry::bench;
namespace po = boost::program_options;

struct answer {
  std::size_t rows = 0;
  /// The first column of the first row.
  std::string value;
};

using question = std::function<answer()>;

question ask_redis(std::uint16_t port, const std::vector<std::string>& words) {
  const std::shared_ptr<redisContext> context(::redisConnect("127.0.0.1", port), ::redisFree);
  if (context == nullptr || context->err != 0)
    throw std::runtime_error("cannot connect to Redis");
  return [context, words] {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const auto& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    const std::unique_ptr<redisReply, void (*)(void*)> reply(
        static_cast<redisReply*>(::redisCommandArgv(context.get(), static_cast<int>(words.size()),
                                                    texts.data(), sizes.data())),
        ::freeReplyObject);
    if (reply == nullptr || reply->type == REDIS_REPLY_ERROR)
      throw std::runtime_error(reply ? reply->str : context->errstr);
    if (reply->type == REDIS_REPLY_ARRAY)
      return answer{reply->elements, {}};
    return answer{1, reply->str != nullptr ? std::string(reply->str, reply->len)
                                           : std::to_string(reply->integer)};
  };
}

question ask_mariadb(std::uint16_t port, const std::vector<std::string>& words) {
  const std::shared_ptr<sql::Connection> connection(
      get_driver_instance()->connect("tcp://127.0.0.1:" + std::to_string(port), "root", ""));
  return [connection, sql = words.front()] {
    const std::unique_ptr<sql::Statement> statement(connection->createStatement());
    const std::unique_ptr<sql::ResultSet> rows(statement->executeQuery(sql));
    answer out;
    while (rows->next())
      if (out.rows++ == 0)
        out.value = rows->getString(1);
    return out;
  };
}

void ask_and_report(const question& ask, std::size_t requests) {
  answer last = ask(); // warm
  histogram latency;
  for (std::size_t i = 0; i < requests; ++i) {
    const auto start = now_ns();
    last = ask();
    latency.record(now_ns() - start);
  }
  report out;
  out.add("requests", static_cast<double>(requests));
  out.add("latency_p50_ms", latency.quantile_ms(0.5), 4);
  out.add("latency_p99_ms", latency.quantile_ms(0.99), 4);
  out.add("rows", static_cast<double>(last.rows));
  out.add("value", last.value);
  out.print();
}

} // namespace

int main(int argc, char** argv) {
  std::string peer;
  std::uint16_t port = 0;
  std::size_t requests = 0;
  std::vector<std::string> words;
  po::options_description options("telemetry_peer_ask: asks a database the same question again");
  // clang-format off
  options.add_options()
    ("help", "this text")
    ("peer", po::value(&peer)->required(), "redis or mariadb")
    ("port", po::value(&port)->required(), "its port on 127.0.0.1")
    ("requests", po::value(&requests)->default_value(20), "measured ones, after one to warm up")
    ("word", po::value(&words)->required(), "the words of a Redis command, in order, or one SQL statement");
  // clang-format on
  try {
    po::variables_map given;
    po::store(po::parse_command_line(argc, argv, options), given);
    if (given.count("help") > 0) {
      std::cout << options;
      return 0;
    }
    po::notify(given);
    if (peer != "redis" && peer != "mariadb")
      throw std::invalid_argument("--peer is redis or mariadb");
    ask_and_report(peer == "redis" ? ask_redis(port, words) : ask_mariadb(port, words), requests);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "telemetry_peer_ask: %s\n", error.what());
    return 2;
  }
}
