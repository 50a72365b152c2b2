#pragma once

#include "core/descriptor.hpp"
#include "core/result.hpp"

#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <string>

namespace telemetry::net {

/// Longest path of a Unix domain socket, in bytes (unix(7): sun_path has one more for its end).
inline constexpr std::size_t unix_path_bytes_max = 107;

/// Where a Unix domain socket stands in the file system, and which users may connect to it.
struct unix_socket_options {
  std::string path;   ///< empty: no socket
  mode_t mode = 0660; ///< connecting needs the right to write
  std::string owner;  ///< user, user:group or :group, as names or numbers; empty: of this process
  uid_t user = ::geteuid(); ///< an abandoned socket of this user, or of the owner, is replaced
};

/// A Unix domain socket that listens, and its file. The destructor removes the file, unless another
/// file has taken its place.
///
/// Thread-safety: none.
class unix_socket {
public:
  /// Makes the file and listens. A socket that a killed process left at the path is replaced if it
  /// belongs to `how.user` or to the new owner and no process listens on it. Any other file stays
  /// as it is and is an error. Another process that opens the same path at the same time fails.
  ///
  /// Blocks on the file system and on the database of users. The umask of the process is 0177 for a
  /// moment, so no other thread may create files meanwhile.
  /// @returns errc::invalid_option if the path is too long or the owner is unknown, else
  ///          errc::unavailable. The text names the path and a remedy.
  [[nodiscard]] static result<unix_socket> open(const unix_socket_options& how);

  unix_socket(unix_socket&&) noexcept = default;
  unix_socket& operator=(unix_socket&&) = delete;
  ~unix_socket();

  /// Gives the listening socket away. The file stays with this object.
  [[nodiscard]] descriptor take() noexcept { return std::move(socket_); }

private:
  unix_socket(std::string path, descriptor bound);

  std::string path_;
  descriptor socket_;
  /// The file (O_PATH). While it is open, no new file can have the same inode number.
  descriptor file_;
};

} // namespace telemetry::net
