#include "access/judged_file.hpp"

#include "core/descriptor.hpp"

#include <openssl/crypto.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace telemetry::access {

namespace {

failure fault(errc code, const std::string& path, const std::string& what) {
  return {code, path + ' ' + what};
}

failure os_fault(const std::string& path, const std::string& what) {
  return fault(errc::unavailable, path, what + ": " + std::strerror(errno));
}

result<std::string> read_all(int file, const std::string& path, std::size_t bytes_max) {
  std::string text;
  std::array<char, 64u << 10> piece;
  for (;;) {
    const auto got = ::read(file, piece.data(), piece.size());
    if (got < 0 && errno != EINTR)
      return os_fault(path, "cannot be read");
    if (got > 0)
      text.append(piece.data(), static_cast<std::size_t>(got));
    OPENSSL_cleanse(piece.data(), piece.size());
    if (text.size() > bytes_max)
      return fault(errc::malformed, path,
                   "has more than " + std::to_string(bytes_max >> 20) + " MiB");
    if (got == 0)
      return text;
  }
}

} // namespace

std::string fault_of_public_file(const struct stat& state) {
  return S_ISREG(state.st_mode) ? "" : "is no regular file";
}

std::string fault_of_rights_file(const struct stat& state) {
  if (auto why = fault_of_public_file(state); !why.empty())
    return why;
  if (state.st_uid != 0 && state.st_uid != ::geteuid())
    return "belongs to another user than root and the one of telemetryd; chown it";
  if ((state.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return "can be written by others; chmod go-w it";
  return "";
}

std::string fault_of_secret_file(const struct stat& state) {
  if (auto why = fault_of_rights_file(state); !why.empty())
    return why;
  if ((state.st_mode & S_IROTH) != 0)
    return "can be read by every user of this machine; chmod o-r it, and use another key if the "
           "machine has other users";
  return "";
}

result<std::string> read_judged_file(const std::string& path, std::size_t bytes_max,
                                     file_judge judge) {
  const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)); // for a FIFO
  if (!file)
    return os_fault(path, "cannot be opened");
  struct stat state {};
  if (::fstat(file.get(), &state) < 0)
    return os_fault(path, "cannot be read");
  if (const auto why = judge(state); !why.empty())
    return fault(errc::invalid_option, path, why);
  return read_all(file.get(), path, bytes_max);
}

} // namespace telemetry::access
