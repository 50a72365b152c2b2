#include "storage/data_dir/data_directory.hpp"

#include <utility>

namespace telemetry {

data_directory::data_directory(format_file directory, std::string path,
                               const std::shared_ptr<rocksdb::FileSystem>& base)
    : directory_(std::move(directory)), path_(std::move(path)),
      syncs_(std::make_shared<failed_syncs>()), files_(watch_syncs(base, syncs_)) {}

result<std::shared_ptr<data_directory>>
data_directory::open(const storage_options& options,
                     const std::shared_ptr<rocksdb::FileSystem>& base) {
  result<format_file> directory =
      format_file::open(options.data_dir, options.shards, options.store_id, *base);
  if (!directory)
    return directory.error();
  return std::shared_ptr<data_directory>(
      new data_directory(std::move(directory.value()), options.data_dir.string(), base));
}

result<std::uint64_t> data_directory::free_bytes() const {
  std::uint64_t bytes = 0;
  const rocksdb::Status status = files_->GetFreeSpace(path_, rocksdb::IOOptions(), &bytes, nullptr);
  if (!status.ok())
    return failure{errc::unavailable, "cannot ask for free space: " + status.ToString()};
  return bytes;
}

result<void> data_directory::check_space(std::uint64_t needed_bytes) const {
  const result<std::uint64_t> free = free_bytes();
  if (!free)
    return free.error();
  if (*free < needed_bytes)
    return failure{errc::no_space, std::to_string(*free) + " bytes free in " + path_ + ", " +
                                       std::to_string(needed_bytes) + " needed"};
  return {};
}

result<void> data_directory::check_syncs() const {
  if (syncs_->any())
    return failure{errc::sync_failed, "a sync failed: " + syncs_->text()};
  return {};
}

} // namespace telemetry
