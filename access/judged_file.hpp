#pragma once

#include "core/result.hpp"

#include <sys/stat.h>

#include <cstddef>
#include <string>

namespace telemetry::access {

/// Says why a file with this state is not read; "" if it is.
using file_judge = std::string (*)(const struct stat&);

/// For a file that says who has which right. It must be a regular file. Its owner is root or the
/// user of this process, and only the owner may write to it.
[[nodiscard]] std::string fault_of_rights_file(const struct stat& state);

/// For a file with a secret. The same holds, and users outside its group must not be able to read
/// it.
[[nodiscard]] std::string fault_of_secret_file(const struct stat& state);

/// For a file that everybody may read. It must be a regular file.
[[nodiscard]] std::string fault_of_public_file(const struct stat& state);

/// Reads a file that `judge` has nothing against, and leaves no second copy of it in memory. The
/// open file is judged, because the path may name another a moment later. A symbolic link is
/// followed, because Kubernetes mounts secrets as links. Blocking. Errors: unavailable (it cannot
/// be opened or read), invalid_option (the judge's reason), malformed (larger than `bytes_max`).
/// The text begins with `path`.
[[nodiscard]] result<std::string> read_judged_file(const std::string& path, std::size_t bytes_max,
                                                   file_judge judge);

} // namespace telemetry::access
