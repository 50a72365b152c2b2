#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace telemetry::test {

/// The treatment of a statement by the proxy.
struct statement_fate {
  enum class kind {
    pass,
    lose_before, ///< breaks the connection before the server has the statement
    lose_after,  ///< breaks the connection after the server has answered
    refuse,      ///< answers with error `code`; the server does not get the statement
    replace,     ///< sends `instead` to the server
  };
  kind what = kind::pass;
  int code = 0;
  std::string instead{};
};

/// A proxy between a client and a MySQL server, on a port of 127.0.0.1. It breaks connections at
/// chosen statements, whereas KILL would break them at some moment.
///
/// Thread-safety: full. The destructor breaks every connection.
class mysql_proxy {
public:
  /// @param upstream the unix socket of the server.
  explicit mysql_proxy(std::string upstream);
  ~mysql_proxy();
  mysql_proxy(const mysql_proxy&) = delete;
  mysql_proxy& operator=(const mysql_proxy&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  /// Decides about every statement, one at a time, on threads of the proxy.
  using judge = std::function<statement_fate(std::string_view statement)>;
  void set_judge(judge decide);
  /// Lets all statements pass.
  void clear_judge() { set_judge(nullptr); }
  /// Number of connections made so far.
  [[nodiscard]] std::size_t connections();

private:
  class connection;
  void accept_all();
  [[nodiscard]] statement_fate decide(std::string_view statement);

  std::string upstream_;
  int listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_; ///< guards the next three members
  judge judge_;
  bool closing_ = false;
  std::list<connection> connections_;
  std::thread acceptor_; ///< last, because it uses all other members
};

/// A host that hangs: listens on a port of 127.0.0.1 and never answers.
class silent_host {
public:
  silent_host();
  ~silent_host();
  silent_host(const silent_host&) = delete;
  silent_host& operator=(const silent_host&) = delete;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// Number of new connections since the last call.
  [[nodiscard]] std::size_t take_connections();

private:
  int listener_;
  std::uint16_t port_ = 0;
};

/// A port of 127.0.0.1 that refuses connections.
[[nodiscard]] std::uint16_t refusing_port();

} // namespace telemetry::test
