#pragma once

#include "actors/group_commit.hpp"
#include "storage/event_store.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Every message and every typed interface of the actors.
namespace telemetry {

struct robot_slot;

/// What a shard hands to the checkpointer (rules 15-17). `robots` keep the shard's robots alive.
struct shard_checkpoint {
  std::uint32_t shard = 0;
  shard_marker marker;
  std::vector<checkpoint::robot> robots;
  std::size_t rows = 0; ///< of `robots`
  /// Of `robots`, those whose stored rows are damaged: their rows are not in the store.
  std::vector<checkpoint::robot> left_out;
};
using shard_checkpoint_ptr = std::shared_ptr<shard_checkpoint>;

/// A batch read back from the journal.
struct replayed_batch {
  batch_stamp stamp;
  std::string payload;
};
using replayed_batches = std::shared_ptr<std::vector<replayed_batch>>;

/// Robot rows for robots that a shard wants to activate.
struct activation {
  std::vector<robot_slot*> robots;     ///< the shard's; they stay while they are loading
  std::vector<std::string_view> names; ///< of each, sorted; theirs
  std::vector<robot_outcome> rows;     ///< of each, once loaded
};
using activation_ptr = std::shared_ptr<activation>;

/// An event at or below the seal point and not in memory: is it in the store (rule 11)?
struct old_event {
  event_store::key key;
  position at;
  late_verdict answer; ///< pending; `seal_point` is the robot's, if the event turns out to be stale
};
using old_events = std::shared_ptr<std::vector<old_event>>;

/// What memory knows of one robot, taken in its turn. Rows of the store with a timestamp above
/// `stored_upto` are to be ignored: everything above it is in memory, as of that turn.
struct memory_view {
  robot_id id = 0; ///< 0: not in the store
  bool live = false;
  timestamp_ms stored_upto = -1;
  std::optional<robot_state> latest; ///< if live and not empty
  std::vector<event_row> rows;       ///< as asked for
  /// Why neither memory nor store can answer: its row is damaged. Null if they can.
  std::shared_ptr<const failure> damage;
};

struct listed_robot {
  std::string name;
  robot_state state;
};

using listed_robots = std::shared_ptr<std::vector<listed_robot>>;

/// Latest states in memory of the names asked for, and of names above `after` up to `upto` that
/// the robot table may not have yet.
struct list_question {
  std::string after;
  std::string upto; ///< inclusive; "" = no end
  std::vector<std::string> names;
  std::size_t limit; ///< of unlisted names
};
using list_question_ptr = std::shared_ptr<const list_question>;

struct list_answer {
  std::vector<listed_robot> states; ///< in no order
  /// Robots to be left out, because events of theirs wait for a damaged row to be mended.
  std::vector<std::string> withheld;
  /// If the limit cut the unlisted names short: the last one looked at. "": all were.
  std::string cut_after;
};

struct recovery_stats {
  std::uint64_t batches = 0;
  std::uint64_t events = 0;
};

} // namespace telemetry

CAF_BEGIN_TYPE_ID_BLOCK(telemetry, first_custom_type_id)
CAF_ADD_ATOM(telemetry, telemetry, append_atom, "append")
CAF_ADD_ATOM(telemetry, telemetry, prepare_atom, "prepare")
CAF_ADD_ATOM(telemetry, telemetry, committed_atom, "committed")
CAF_ADD_ATOM(telemetry, telemetry, commit_atom, "commit")
CAF_ADD_ATOM(telemetry, telemetry, retry_atom, "retry")
CAF_ADD_ATOM(telemetry, telemetry, trim_atom, "trim")
CAF_ADD_ATOM(telemetry, telemetry, replay_atom, "replay")
CAF_ADD_ATOM(telemetry, telemetry, replayed_atom, "replayed")
CAF_ADD_ATOM(telemetry, telemetry, recover_atom, "recover")
CAF_ADD_ATOM(telemetry, telemetry, live_atom, "live")
CAF_ADD_ATOM(telemetry, telemetry, load_atom, "load")
CAF_ADD_ATOM(telemetry, telemetry, loaded_atom, "loaded")
CAF_ADD_ATOM(telemetry, telemetry, lookup_atom, "lookup")
CAF_ADD_ATOM(telemetry, telemetry, collect_atom, "collect")
CAF_ADD_ATOM(telemetry, telemetry, stored_atom, "stored")
CAF_ADD_ATOM(telemetry, telemetry, checkpoint_atom, "checkpoint")
CAF_ADD_ATOM(telemetry, telemetry, finish_atom, "finish")
CAF_ADD_ATOM(telemetry, telemetry, state_atom, "state")
CAF_ADD_ATOM(telemetry, telemetry, rows_atom, "rows")
CAF_ADD_ATOM(telemetry, telemetry, ends_atom, "ends")
CAF_ADD_ATOM(telemetry, telemetry, list_atom, "list")
CAF_ADD_ATOM(telemetry, telemetry, sweep_atom, "sweep")
CAF_ADD_ATOM(telemetry, telemetry, watch_atom, "watch")
CAF_ADD_ATOM(telemetry, telemetry, unsealed_atom, "unsealed")
CAF_ADD_ATOM(telemetry, telemetry, mark_atom, "mark")
CAF_ADD_ATOM(telemetry, telemetry, changed_atom, "changed")
CAF_ADD_ATOM(telemetry, telemetry, expired_atom, "expired")
CAF_END_TYPE_ID_BLOCK(telemetry)

// Local messages: they never cross a process, so they need no inspector.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::submission_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::commit_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::replayed_batches)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::activation_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::old_events)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::shard_checkpoint_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::shard_marker)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<telemetry::shard_marker>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::memory_view)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::recovery_stats)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::list_question_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::list_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::listed_robots)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::result<void>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::result<telemetry::recovery_stats>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::result<std::optional<telemetry::robot_row>>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::result<telemetry::range_ends>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::result<std::vector<telemetry::event_row>>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::result<std::vector<telemetry::robot_row>>)

namespace telemetry {

/// JOURNAL WRITER: group commit. Blocks on the disk: detached.
using journal_writer_actor = caf::typed_actor<
    // Events received: durable with the next group commit, then handed to their shards.
    caf::reacts_to<append_atom, submission_ptr>,
    // To itself: what waits goes into one synced write.
    caf::reacts_to<commit_atom>,
    // To itself: the same batches once more, after a failure (rule 6).
    caf::reacts_to<retry_atom>,
    // A shard holds unsealed events, and held none before: see that it gets its ticks (rule 5).
    caf::reacts_to<unsealed_atom>,
    // To itself: seal quiet shards by an empty batch (rule 5).
    caf::reacts_to<sweep_atom>,
    // The checkpointer's new markers are durable: forget what they cover (rule 21).
    caf::reacts_to<trim_atom, std::vector<shard_marker>>,
    // Reads the markers and replays the journal into the shards; answers once all are live.
    caf::replies_to<recover_atom>::with<result<recovery_stats>>,
    // A shard has taken a piece of its replay: send the next.
    caf::reacts_to<replayed_atom, std::uint32_t>,
    // A shard is live: no more replay is due to it.
    caf::reacts_to<live_atom>,
    // Answers when everything that came before is committed.
    caf::replies_to<finish_atom>::with<bool>>;

/// SHARD: applies committed batches to its robots, in order. Never blocks.
using shard_actor = caf::typed_actor<
    // A batch is being synced: find its robots, fetch the unknown ones meanwhile.
    caf::reacts_to<prepare_atom, commit_ptr>,
    // It is durable: offer every event to its robot; the last shard of a commit has it answered.
    caf::reacts_to<committed_atom, commit_ptr>,
    // A piece of the journal, to be offered as it was then (rule 23).
    caf::reacts_to<replay_atom, replayed_batches>,
    // The journal is through; tell the writer once every robot is loaded (rule 25).
    caf::reacts_to<live_atom>,
    // Rows for names asked for.
    caf::reacts_to<loaded_atom, activation_ptr>,
    // Everything that is sealed, and the exact cut (rules 15-17).
    caf::replies_to<collect_atom>::with<shard_checkpoint_ptr>,
    // It is in the store, but for what was left out: forget those rows (rule 21).
    caf::reacts_to<stored_atom, shard_checkpoint_ptr>,
    // Latest state of a robot, and where its rows are.
    caf::replies_to<state_atom, std::string>::with<memory_view>,
    // Rows in memory with from <= timestamp <= to, at most so many, if the store has none of them.
    caf::replies_to<rows_atom, std::string, timestamp_ms, timestamp_ms,
                    std::uint64_t>::with<memory_view>,
    // First and last row in memory of a range: at most two rows.
    caf::replies_to<ends_atom, std::string, timestamp_ms, timestamp_ms>::with<memory_view>,
    // Latest states for a listing.
    caf::replies_to<list_atom, list_question_ptr>::with<list_answer>,
    // Takes every live robot for changed, as far as the cache goes.
    caf::replies_to<mark_atom>::with<bool>,
    // Latest states of robots that changed since they were last asked for, at most so many.
    caf::replies_to<changed_atom, std::uint64_t>::with<listed_robots>,
    // To itself: passivate robots that are idle or too many.
    caf::reacts_to<sweep_atom>>;

/// CHECKPOINTER: moves what is sealed into the store. Blocks: detached. One checkpoint at a time.
using checkpointer_actor = caf::typed_actor<
    // Time for a checkpoint: the timer, or memory fills up.
    caf::reacts_to<checkpoint_atom>,
    // To itself: the interval is over.
    caf::reacts_to<sweep_atom>,
    // To itself: the same checkpoint once more, after a failure.
    caf::reacts_to<retry_atom>,
    // One last checkpoint; answers when it is durable, or at once if the store is away.
    caf::replies_to<finish_atom>::with<bool>>;

/// READER: reads the store for shards and queries. Blocks: detached, a small pool.
using reader_actor = caf::typed_actor<
    // Rows for a shard's unknown names, sent back as loaded_atom.
    caf::reacts_to<load_atom, shard_actor, activation_ptr>,
    // Old events: answers go straight to the connections; tried again while the store is away.
    caf::reacts_to<lookup_atom, old_events>,
    caf::replies_to<state_atom, std::string>::with<result<std::optional<robot_row>>>,
    caf::replies_to<rows_atom, robot_id, timestamp_ms, timestamp_ms,
                    std::uint64_t>::with<result<std::vector<event_row>>>,
    caf::replies_to<ends_atom, robot_id, timestamp_ms, timestamp_ms>::with<result<range_ends>>,
    caf::replies_to<list_atom, std::string, std::uint64_t>::with<result<std::vector<robot_row>>>>;

/// CACHE WRITER: copies latest states to the cache. Blocks: detached. Only if there is a cache.
using cache_writer_actor = caf::typed_actor<caf::reacts_to<sweep_atom>>;

/// MONITOR: once a second, free space, gate and stall limit. Asks the file system: detached.
using monitor_actor = caf::typed_actor<caf::reacts_to<watch_atom>>;

} // namespace telemetry
