#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace telemetry::test {

/// What the proxy does with a statement.
struct statement_fate {
  enum class kind {
    pass,
    lose_before, ///< the connection breaks before the server has it
    lose_after,  ///< the connection breaks when the server has answered
    refuse,      ///< the client gets error `code`; the server never hears of it
    replace,     ///< the server gets `instead`
  };
  kind what = kind::pass;
  int code = 0;
  std::string instead{};
};

/// Stands between a client and a MySQL server, on a port of 127.0.0.1, and breaks connections at
/// exact statements: what KILL does at some moment, this does at a chosen one.
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

  /// Asked about every statement, one at a time, on threads of the proxy.
  using judge = std::function<statement_fate(std::string_view statement)>;
  void set_judge(judge decide);
  /// Lets everything pass.
  void clear_judge() { set_judge(nullptr); }
  /// Connections made so far.
  [[nodiscard]] std::size_t connections();

private:
  class connection;
  void accept_all();
  [[nodiscard]] statement_fate decide(std::string_view statement);

  std::string upstream_;
  int listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_; ///< guards what follows
  judge judge_;
  bool closing_ = false;
  std::list<connection> connections_;
  std::thread acceptor_; ///< last: uses all of it
};

/// Listens on a port of 127.0.0.1 and never says a word: a host that hangs.
class silent_host {
public:
  silent_host();
  ~silent_host();
  silent_host(const silent_host&) = delete;
  silent_host& operator=(const silent_host&) = delete;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// Connections that wait since the last call.
  [[nodiscard]] std::size_t take_connections();

private:
  int listener_;
  std::uint16_t port_ = 0;
};

/// A port of 127.0.0.1 on which nobody listens.
[[nodiscard]] std::uint16_t refusing_port();

} // namespace telemetry::test
