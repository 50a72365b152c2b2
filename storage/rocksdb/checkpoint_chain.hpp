#pragma once

#include "core/result.hpp"
#include "storage/rocksdb/rocksdb_options.hpp"

#include <cstdint>
#include <rocksdb/db.h>
#include <string>
#include <vector>

/// Checkpoints are numbered in each column family, so that a start sees one that is missing in any
/// of them (ADR 0051).
///
/// RocksDB opens a manifest that lost its end: the files that the lost edits added are then gone,
/// and so is the log that had their content, while a later log is replayed over the hole. The
/// column families may differ, too, since each is flushed by an edit of its own.
///
/// Checkpoint n puts the key of n and deletes the key of n-1. The first one also puts the key of 0,
/// which stays. So a column family without a hole has none of them, or exactly 0 and the last n. A
/// hole leaves the number before it, or no 0.
namespace telemetry::rocks {

/// The key of `number` in `which`. It is none of a row: robot ids do not reach 2^64-1, names have
/// no zero byte, and keys of markers are shorter.
[[nodiscard]] std::string chain_key(family which, std::uint64_t number);

/// Puts the keys of checkpoint `number` into `which`, in the order of the keys.
/// @param put, remove return a Status.
template <class Put, class Remove>
rocksdb::Status extend_chain(family which, std::uint64_t number, Put put, Remove remove) {
  // The key of 0 is put by the first one only: a state without it has lost the first.
  rocksdb::Status status;
  if (number == 1)
    status = put(chain_key(which, 0), "");
  else
    status = remove(chain_key(which, number - 1));
  if (status.ok())
    status = put(chain_key(which, number), "");
  return status;
}

/// The number of the last checkpoint; 0: there was none.
/// @param handles of the column families, in the order of family.
/// @returns errc::corrupt if one of them misses a checkpoint, errc::unavailable.
[[nodiscard]] result<std::uint64_t>
read_chain(rocksdb::DB& db, const std::vector<rocksdb::ColumnFamilyHandle*>& handles);

} // namespace telemetry::rocks
