#pragma once

#include <boost/system/error_code.hpp>

#include <sys/epoll.h>

#include <cstdint>

namespace telemetry::net {

/// An epoll(7) that tells the members of its descriptors about their events.
///
/// Thread: any, one at a time. Blocking: never.
class epoll_set {
public:
  /// Receives the events of one descriptor.
  class member {
  public:
    /// @param events flags of epoll(7) for which the descriptor became ready. It may not be ready
    ///        any more.
    virtual void on_events(std::uint32_t events) = 0;

  protected:
    ~member() = default;
  };

  /// What a socket is watched for.
  static constexpr std::uint32_t socket_events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  /// Most members that one call of tell_ready() tells.
  static constexpr int told_max = 128;

  /// Throws std::system_error if the system lacks resources.
  epoll_set();
  ~epoll_set() { close(); }
  epoll_set(const epoll_set&) = delete;
  epoll_set& operator=(const epoll_set&) = delete;

  /// Closing `descriptor` removes it. `one` must outlive the descriptor by one turn of the event
  /// loop.
  void add(int descriptor, member& one, std::uint32_t events, boost::system::error_code& ec);
  /// Watches for other events from now on. Those that are there already are told too.
  void change(int descriptor, member& one, std::uint32_t events) noexcept;
  void remove(int descriptor) noexcept;

  /// Tells the members of descriptors that are ready. @returns their number; after told_max there
  /// may be more, of which another call tells.
  int tell_ready();

  /// For another epoll, which reports it as readable when a member can be told.
  [[nodiscard]] int descriptor() const noexcept { return epoll_; }
  /// Idempotent.
  void close() noexcept;

private:
  int control(int operation, int descriptor, member& one, std::uint32_t events) noexcept;

  int epoll_;
};

} // namespace telemetry::net
