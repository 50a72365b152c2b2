#include "storage/rocksdb/checkpoint_chain.hpp"

#include "storage/rocksdb/rocksdb_format.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <string_view>

namespace telemetry::rocks {
namespace {

/// The part of a key before the number. In events it is a robot id, because the filters need one.
std::string prefix_of(family which) {
  switch (which) {
  case family::meta:
    return "checkpoint";
  case family::events:
    return std::string(sizeof(robot_id), '\xFF');
  case family::robots:
    break;
  }
  return std::string(1, '\0');
}

std::string_view name_of(family which) {
  switch (which) {
  case family::meta:
    return "the markers";
  case family::events:
    return "table events";
  case family::robots:
    break;
  }
  return "table robots";
}

failure missing(const std::string& what) {
  return {errc::corrupt, what + "; its MANIFEST has lost its end, or its files are of two times"};
}

/// The number of the last checkpoint in one column family.
result<std::uint64_t> read_numbers(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* handle,
                                   family which) {
  const std::string prefix = prefix_of(which);
  std::vector<std::uint64_t> numbers;
  rocksdb::ReadOptions options;
  options.fill_cache = false; // the block also holds rows of a robot that no read asked for
  const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator(options, handle));
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next())
    if (it->key().size() == prefix.size() + sizeof(std::uint64_t))
      numbers.push_back(take_big_endian(it->key().data() + prefix.size()));
  if (!it->status().ok())
    return failure{it->status().IsCorruption() ? errc::corrupt : errc::unavailable,
                   "reading the numbers of checkpoints: " + it->status().ToString()};
  if (numbers.empty())
    return std::uint64_t{0};
  if (numbers.size() == 2 && numbers.front() == 0)
    return numbers.back();
  const std::uint64_t before = numbers.size() > 1 ? numbers[numbers.size() - 2] : 0;
  return missing(std::string(name_of(which)) + " have checkpoint " +
                 std::to_string(numbers.back()) + ", but not all of those after checkpoint " +
                 std::to_string(before));
}

} // namespace

std::string chain_key(family which, std::uint64_t number) {
  std::string key = prefix_of(which);
  fixed_bytes<sizeof number> bytes;
  put_big_endian(bytes.bytes.data(), number);
  return key.append(bytes.view());
}

result<std::uint64_t> read_chain(rocksdb::DB& db,
                                 const std::vector<rocksdb::ColumnFamilyHandle*>& handles) {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t most = 0;
  for (const family which : {family::meta, family::events, family::robots}) {
    const auto last = read_numbers(db, handles[static_cast<std::size_t>(which)], which);
    if (!last)
      return last.error();
    least = std::min(least, *last);
    most = std::max(most, *last);
  }
  if (least == most)
    return most;
  return missing("its tables are not of one checkpoint: one has " + std::to_string(most) +
                 ", another only " + std::to_string(least));
}

} // namespace telemetry::rocks
