#pragma once

#include "core/event.hpp"
#include "core/robot_track.hpp"
#include "core/verdict.hpp"

#include <caf/all.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace telemetry {

class lane;
struct submission;

/// The events of one shard in one submission, encoded for the journal.
///
/// The lane writes it, then the shard (verdicts), then the lane reads it. It needs no lock, because
/// ownership moves with the messages (ADR 0004).
struct slice {
  struct item {
    std::uint64_t hash;   ///< name_hash of the robot
    std::uint32_t offset; ///< of the event in `bytes`
  };
  std::string bytes; ///< encoded events (event_codec)
  std::vector<item> items;
  std::vector<verdict> verdicts;         ///< one per item
  std::vector<timestamp_ms> seal_points; ///< one per item, or empty if nothing was stale
  submission* owner = nullptr;

  /// Reserves memory for `count` items and `encoded_bytes` bytes.
  void reserve(std::size_t count, std::size_t encoded_bytes) {
    bytes.reserve(encoded_bytes);
    items.reserve(count);
    verdicts.reserve(count);
  }

  /// Stores the verdict of item `index`. `seal_point` is ignored unless the verdict is stale.
  void judge(std::uint32_t index, verdict what, timestamp_ms seal_point) {
    verdicts[index] = what;
    if (what != verdict::stale)
      return;
    seal_points.resize(items.size(), -1);
    seal_points[index] = seal_point;
  }
};

/// The events that the connections of one I/O thread received in one turn of its loop.
struct submission : std::enable_shared_from_this<submission> {
  lane* origin;
  std::vector<slice> slices; ///< one per shard
  /// Every telemetry::participant with events in this submission.
  std::vector<caf::strong_actor_ptr> participants;
  std::size_t events = 0; ///< of all slices
  bool committed = false; ///< durable and applied; touched by the I/O thread only
  /// Bytes of heap memory of this submission. They are charged to the node's credit from the end of
  /// its turn until all shards have applied it, and while `late` is not 0.
  std::size_t footprint = 0;
  std::atomic<std::size_t> late{0}; ///< events whose verdict comes later than the commit
};
using submission_ptr = std::shared_ptr<submission>;

/// The content of one synced write to the journal.
struct group_commit {
  struct part {
    std::uint32_t shard;
    batch_stamp stamp;
  };
  std::vector<submission_ptr> submissions;
  std::vector<part> parts;            ///< shards with events, or due for a tick
  std::size_t events = 0;             ///< number of events in all submissions
  std::atomic<std::size_t> unapplied; ///< parts whose shard has not applied them yet
};
using commit_ptr = std::shared_ptr<group_commit>;

/// Address of the verdict of one event.
struct verdict_place {
  submission_ptr source; ///< nullptr if no producer waits for the verdict
  std::uint32_t shard = 0;
  std::uint32_t index = 0; ///< of the item in the slice of `shard`

  [[nodiscard]] slice& part() const { return source->slices[shard]; }
};

/// A verdict that comes later than its commit, because the robot was still loading or because an
/// old event had to be looked up in the store. See lane::defer().
struct late_verdict {
  verdict_place place;
  verdict what = verdict::pending;
  timestamp_ms seal_point = -1; ///< set only if the verdict is stale
};
using late_verdicts = std::vector<late_verdict>;

} // namespace telemetry
