#pragma once

#include "core/result.hpp"
#include "storage/rocksdb/rocksdb_options.hpp"

#include <cstdint>
#include <rocksdb/db.h>
#include <string>
#include <vector>

/// Checkpoints are numbered in each column family, so that a start detects a checkpoint that is
/// missing in any of them (ADR 0051).
///
/// RocksDB also opens a manifest whose end is lost. The files of the lost edits are missing then,
/// and the log with their content has been deleted, but later logs are replayed. The column
/// families may miss different checkpoints, because each is flushed by an edit of its own.
///
/// Checkpoint n puts the key of n and deletes the key of n-1. The first checkpoint also puts the
/// key of 0, which stays. Therefore a complete column family has no such keys, or exactly those of
/// 0 and of the last n. If a checkpoint is missing, the key of the one before it is still there, or
/// the key of 0 is missing.
namespace telemetry::rocks {

/// The key of `number` in `which`. It differs from the keys of all rows, because robot ids do not
/// reach 2^64-1, names have no zero byte, and keys of markers are shorter.
[[nodiscard]] std::string chain_key(family which, std::uint64_t number);

/// Puts the keys of checkpoint `number` into `which`, in the order of the keys.
/// @param put, remove return a Status.
template <class Put, class Remove>
rocksdb::Status extend_chain(family which, std::uint64_t number, Put put, Remove remove) {
  // Only the first checkpoint puts the key of 0, so a database without it has lost the first.
  rocksdb::Status status;
  if (number == 1)
    status = put(chain_key(which, 0), "");
  else
    status = remove(chain_key(which, number - 1));
  if (status.ok())
    status = put(chain_key(which, number), "");
  return status;
}

/// @param handles of the column families, in the order of family.
/// @returns the number of the last checkpoint, 0 if there was none; errc::corrupt if one is missing
///          in a column family; errc::unavailable.
[[nodiscard]] result<std::uint64_t>
read_chain(rocksdb::DB& db, const std::vector<rocksdb::ColumnFamilyHandle*>& handles);

} // namespace telemetry::rocks
