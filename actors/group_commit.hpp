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

/// The events of one shard out of one submission, encoded as they go into the journal.
///
/// Written by the lane, then by the shard (verdicts), then read by the lane: ownership moves along
/// with the messages, so nothing here is locked.
struct slice {
  struct item {
    std::uint64_t hash;   ///< name_hash of the robot
    std::uint32_t offset; ///< of the event in `bytes`
  };
  std::string bytes; ///< event_codec
  std::vector<item> items;
  std::vector<verdict> verdicts;         ///< one per item
  std::vector<timestamp_ms> seal_points; ///< one per item, or empty if nothing was stale

  /// Makes room for so many items and encoded bytes.
  void reserve(std::size_t count, std::size_t encoded_bytes) {
    bytes.reserve(encoded_bytes);
    items.reserve(count);
    verdicts.reserve(count);
  }

  /// Notes what became of item `index`.
  void judge(std::uint32_t index, verdict what, timestamp_ms seal_point) {
    verdicts[index] = what;
    if (what != verdict::stale)
      return;
    seal_points.resize(items.size(), -1);
    seal_points[index] = seal_point;
  }
};

/// What the connections of one I/O thread received in one turn of its loop.
struct submission {
  lane* origin;
  std::vector<slice> slices; ///< one per shard
  /// Each a telemetry::participant with events in here.
  std::vector<caf::actor> participants;
  std::size_t bytes = 0;
  bool committed = false; ///< durable and applied; touched by the I/O thread only
};
using submission_ptr = std::shared_ptr<submission>;

/// Everything that one synced write makes durable.
struct group_commit {
  struct part {
    std::uint32_t shard;
    batch_stamp stamp;
  };
  std::vector<submission_ptr> submissions;
  std::vector<part> parts;            ///< shards with events, or due for a tick
  std::size_t events = 0;             ///< of all submissions
  std::atomic<std::size_t> unapplied; ///< parts whose shard has not applied them yet
};
using commit_ptr = std::shared_ptr<group_commit>;

/// Verdicts that came after their commit was answered: the robot was still loading, or an old
/// event was looked up in the store.
struct late_verdict {
  submission_ptr source;
  std::uint32_t shard;
  std::uint32_t index;
  verdict what;
  timestamp_ms seal_point;
};
using late_verdicts = std::vector<late_verdict>;

} // namespace telemetry
