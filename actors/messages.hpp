#pragma once

#include "actors/group_commit.hpp"
#include "core/name_filter.hpp"
#include "core/tenure.hpp"
#include "storage/event_store.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

/// Every message and every typed interface of the actors.
///
/// All actors are in one process. Messages carry pointers, and their receivers write into the
/// objects behind them, such as the verdicts of a group_commit. So no message can go to another
/// node.
namespace telemetry {

struct robot_slot;

/// The part of a checkpoint that a shard gives to the checkpointer (rules 15-17). The shard keeps
/// the names in `robots` alive until the stored_atom.
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

/// A request of a shard for the rows of robots that it activates, and the answer.
struct activation {
  std::vector<robot_slot*> robots;     ///< owned by the shard, which keeps loading robots
  std::vector<std::string_view> names; ///< one per robot, sorted; owned by `robots`
  std::vector<robot_outcome> rows;     ///< one per robot, once loaded
};
using activation_ptr = std::shared_ptr<activation>;

/// An event at or below the seal point and not in memory, to be looked up in the store (rule 11).
struct old_event {
  event_store::key key;
  position at;
  late_verdict answer; ///< pending; `seal_point` is the robot's, for a stale verdict
};
using old_events = std::shared_ptr<std::vector<old_event>>;

/// The part of one robot that is in memory, as of one turn of the robot (ADR 0005). Ignore rows of
/// the store above `stored_upto`, because memory had all rows above it in that turn.
struct memory_view {
  robot_id id = 0;   ///< 0: not in the store
  bool live = false; ///< the robot is in memory
  timestamp_ms stored_upto = -1;
  std::optional<robot_state> latest; ///< nullopt unless live and not empty
  std::vector<event_row> rows;       ///< the requested rows
  /// The reason if neither memory nor store can answer, because its row is damaged; else null.
  std::shared_ptr<const failure> damage;
};

/// Messages from a shard to its robots. They are delivered inline, in the shard's turn, so they may
/// point to what the shard holds.
namespace robot_message {

enum class view_kind { state, rows, ends };
/// What does memory hold?
struct view {
  view_kind what;
  timestamp_ms from;
  timestamp_ms to;
  std::size_t limit; ///< of rows
  memory_view* out;
};

} // namespace robot_message

struct listed_robot {
  std::string name;
  robot_state state;
};

using listed_robots = std::shared_ptr<std::vector<listed_robot>>;

/// Asks for the latest states in memory of `names`, and of robots with names within `range` up to
/// `upto` that the robot table may not have yet ("unlisted").
struct list_question {
  name_range range;
  std::string upto; ///< inclusive; "" = no end
  std::vector<std::string> names;
  std::size_t limit; ///< most unlisted robots in the answer
};
using list_question_ptr = std::shared_ptr<const list_question>;

struct list_answer {
  std::vector<listed_robot> states; ///< in no order
  /// Robots that the list leaves out, because their events wait for a damaged row to be mended.
  std::vector<std::string> withheld;
  /// If the limit was reached, the last unlisted name that was visited. Otherwise "".
  std::string cut_after;
};

struct recovery_stats {
  std::uint64_t batches = 0;
  std::uint64_t events = 0;
};

struct hosted_shard;
struct shard_log;
struct recovered_shard;

} // namespace telemetry

CAF_BEGIN_TYPE_ID_BLOCK(telemetry, first_custom_type_id)
CAF_ADD_ATOM(telemetry, telemetry, append_atom, "append")
CAF_ADD_ATOM(telemetry, telemetry, prepare_atom, "prepare")
CAF_ADD_ATOM(telemetry, telemetry, committed_atom, "committed")
CAF_ADD_ATOM(telemetry, telemetry, commit_atom, "commit")
CAF_ADD_ATOM(telemetry, telemetry, room_atom, "room")
CAF_ADD_ATOM(telemetry, telemetry, retry_append_atom, "retryApp")
CAF_ADD_ATOM(telemetry, telemetry, tick_atom, "tick")
CAF_ADD_ATOM(telemetry, telemetry, trim_atom, "trim")
CAF_ADD_ATOM(telemetry, telemetry, replay_atom, "replay")
CAF_ADD_ATOM(telemetry, telemetry, recover_atom, "recover")
CAF_ADD_ATOM(telemetry, telemetry, host_atom, "host")
CAF_ADD_ATOM(telemetry, telemetry, adopt_atom, "adopt")
CAF_ADD_ATOM(telemetry, telemetry, live_atom, "live")
CAF_ADD_ATOM(telemetry, telemetry, load_atom, "load")
CAF_ADD_ATOM(telemetry, telemetry, loaded_atom, "loaded")
CAF_ADD_ATOM(telemetry, telemetry, lookup_atom, "lookup")
CAF_ADD_ATOM(telemetry, telemetry, collect_atom, "collect")
CAF_ADD_ATOM(telemetry, telemetry, stored_atom, "stored")
CAF_ADD_ATOM(telemetry, telemetry, checkpoint_atom, "checkpoint")
CAF_ADD_ATOM(telemetry, telemetry, interval_atom, "interval")
CAF_ADD_ATOM(telemetry, telemetry, retry_checkpoint_atom, "retryCheck")
CAF_ADD_ATOM(telemetry, telemetry, finish_atom, "finish")
CAF_ADD_ATOM(telemetry, telemetry, state_atom, "state")
CAF_ADD_ATOM(telemetry, telemetry, rows_atom, "rows")
CAF_ADD_ATOM(telemetry, telemetry, ends_atom, "ends")
CAF_ADD_ATOM(telemetry, telemetry, list_atom, "list")
CAF_ADD_ATOM(telemetry, telemetry, passivate_atom, "passivate")
CAF_ADD_ATOM(telemetry, telemetry, watch_atom, "watch")
CAF_ADD_ATOM(telemetry, telemetry, unsealed_atom, "unsealed")
CAF_ADD_ATOM(telemetry, telemetry, mark_atom, "mark")
CAF_ADD_ATOM(telemetry, telemetry, changed_atom, "changed")
CAF_ADD_ATOM(telemetry, telemetry, refresh_atom, "refresh")
CAF_ADD_ATOM(telemetry, telemetry, deadline_atom, "deadline")
CAF_ADD_ATOM(telemetry, telemetry, expired_atom, "expired")
CAF_ADD_ATOM(telemetry, telemetry, look_again_atom, "lookAgain")
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
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::robot_message::view)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::recovery_stats)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::hosted_shard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::recovered_shard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<telemetry::shard_log>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::list_question_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::list_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::listed_robots)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::result<void>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::result<telemetry::recovery_stats>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::result<telemetry::recovered_shard>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::result<std::optional<telemetry::robot_row>>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::result<telemetry::range_ends>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::result<std::vector<telemetry::event_row>>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::result<std::vector<telemetry::robot_row>>)

namespace telemetry {

/// SHARD: applies committed batches to its robots, in order. Never blocks.
using shard_actor = caf::typed_actor<
    // A batch is being synced. Finds its robots, and requests the rows of unknown ones.
    caf::reacts_to<prepare_atom, commit_ptr>,
    // The commit is durable. Offers every event to its robot. The last shard starts the answers.
    caf::reacts_to<committed_atom, commit_ptr>,
    // A piece of the journal. Offers its events with their recorded stamps (rule 23). Answers once
    // no event of it is parked.
    caf::replies_to<replay_atom, replayed_batches>::with<bool>,
    // The replay has ended. Answers once every robot is loaded (rule 25).
    caf::replies_to<live_atom>::with<bool>,
    // The rows that the shard requested by load_atom.
    caf::reacts_to<loaded_atom, activation_ptr>,
    // Answers with all sealed rows and the exact cut (rules 15-17).
    caf::replies_to<collect_atom>::with<shard_checkpoint_ptr>,
    // The checkpoint is in the store, except for the rows that it left out. Drops its rows from
    // memory (rule 21).
    caf::reacts_to<stored_atom, shard_checkpoint_ptr>,
    // Latest state of the robot and its `stored_upto`, without rows.
    caf::replies_to<state_atom, std::string>::with<memory_view>,
    // Rows in memory with from <= timestamp <= to, at most the given number, if the store has no
    // row of the range.
    caf::replies_to<rows_atom, std::string, timestamp_ms, timestamp_ms,
                    std::uint64_t>::with<memory_view>,
    // First and last row in memory with from <= timestamp <= to: at most two rows.
    caf::replies_to<ends_atom, std::string, timestamp_ms, timestamp_ms>::with<memory_view>,
    // Latest states for a listing.
    caf::replies_to<list_atom, list_question_ptr>::with<list_answer>,
    // Marks every robot in memory as changed, for a rebuild of the cache.
    caf::replies_to<mark_atom>::with<bool>,
    // Latest states of robots that changed since the last such request, at most the given number.
    caf::replies_to<changed_atom, std::uint64_t>::with<listed_robots>,
    // To itself: passivates robots that are idle or too many.
    caf::reacts_to<passivate_atom>>;

/// A shard actor of this node, from the beginning of its tenure.
struct hosted_shard {
  tenure of;
  shard_actor actor;
  shard_marker marker; ///< in the store
};

/// The end of the log of a shard. The journal writer continues it.
struct shard_log {
  tenure of;
  shard_actor actor;
  std::uint64_t next_no = 0;
  std::int64_t arrival_ms = -1; ///< of the last stamp, or the marker's
  std::int64_t horizon_ms = -1; ///< of the last stamp, or the marker's
};

struct recovered_shard {
  shard_log log;
  recovery_stats stats;
};

/// RECOVERY: replays the journal into shards (rules 22-25). Detached, because it blocks on the
/// journal.
using recovery_actor = caf::typed_actor<
    // Replays the log of a shard above its marker. Answers once the shard is live.
    caf::replies_to<recover_atom, hosted_shard>::with<result<recovered_shard>>>;

/// JOURNAL WRITER: group commit. Detached, because it blocks on the disk.
using journal_writer_actor = caf::typed_actor<
    // Adds received events to the next group commit. Its shards get them once it is durable.
    caf::reacts_to<append_atom, submission_ptr>,
    // To itself: commits all waiting submissions by one synced write.
    caf::reacts_to<commit_atom>,
    // Memory has room again: the submissions that wait for it go into the next commit.
    caf::reacts_to<room_atom>,
    // To itself: appends the same batches again after a failure (rule 6).
    caf::reacts_to<retry_append_atom>,
    // A shard got its first unsealed events. Makes sure that the shard gets ticks (rule 5).
    caf::reacts_to<unsealed_atom>,
    // To itself: seals quiet shards by an empty batch (rule 5).
    caf::reacts_to<tick_atom>,
    // The new markers of the checkpointer are durable. Trims the journal up to them (rule 21).
    caf::reacts_to<trim_atom, std::vector<shard_marker>>,
    // These shards are recovered. Continues their logs from now on.
    caf::reacts_to<adopt_atom, std::vector<shard_log>>,
    // Answers when all earlier submissions are committed.
    caf::replies_to<finish_atom>::with<bool>>;

/// CHECKPOINTER: writes sealed rows to the store, one checkpoint at a time. Detached, because it
/// blocks on the store.
using checkpointer_actor = caf::typed_actor<
    // A tenure begins: this shard, whose marker in the store is given, is part of later
    // checkpoints.
    caf::reacts_to<adopt_atom, hosted_shard>,
    // Starts a checkpoint, because of the timer, or because memory fills up.
    caf::reacts_to<checkpoint_atom>,
    // To itself: the interval is over.
    caf::reacts_to<interval_atom>,
    // To itself: writes the same checkpoint again after a failure.
    caf::reacts_to<retry_checkpoint_atom>,
    // Makes a last checkpoint. Answers when it is durable, or at once if the store is away.
    caf::replies_to<finish_atom>::with<bool>>;

/// SHARD HOST: the life of every shard on this node.
using shard_host_actor = caf::typed_actor<
    // Begins a tenure of every shard, given the markers of the store. Answers once all are live.
    caf::replies_to<host_atom, std::vector<shard_marker>>::with<result<recovery_stats>>>;

/// READER: reads the store for shards and queries. A small pool of detached actors, because they
/// block on the store.
using reader_actor = caf::typed_actor<
    // Reads robot rows for a shard, and sends them to it as loaded_atom.
    caf::reacts_to<load_atom, shard_actor, activation_ptr>,
    // Looks up old events and gives their lanes the verdicts. Tries again while the store is away.
    caf::reacts_to<lookup_atom, old_events>,
    // As event_store::robots(), scan(), ends() and scan_robots().
    caf::replies_to<state_atom, std::string>::with<result<std::optional<robot_row>>>,
    caf::replies_to<rows_atom, robot_id, timestamp_ms, timestamp_ms,
                    std::uint64_t>::with<result<std::vector<event_row>>>,
    caf::replies_to<ends_atom, robot_id, timestamp_ms, timestamp_ms>::with<result<range_ends>>,
    caf::replies_to<list_atom, std::string, std::string,
                    std::uint64_t>::with<result<std::vector<robot_row>>>>;

/// CACHE WRITER: copies latest states to the cache. Exists only if there is a cache. Detached,
/// because it blocks on the cache and the store.
using cache_writer_actor = caf::typed_actor<
    // To itself: cache.interval is over.
    caf::reacts_to<refresh_atom>>;

/// WATCHDOG: checks free space, the credit and the stall limit once a second. Detached, because it
/// blocks on the file system.
using watchdog_actor = caf::typed_actor<
    // To itself: a second is over.
    caf::reacts_to<watch_atom>>;

/// ROBOT: one robot name and its track. Its shard owns it, runs it inline in the shard's own turn,
/// and alone has its handle. Batches and checkpoints are calls (actors/robot.hpp).
using robot_actor = caf::typed_actor<
    // Reads the rows in memory. The answer goes to the place that the message points to, before the
    // shard goes on.
    caf::reacts_to<robot_message::view>>;

/// CONNECTION: one WebSocket. Its lane runs it inline on its I/O thread. Only the lane and the
/// session have its handle. Reads and verdicts are calls (actors/connection.hpp).
using connection_actor = caf::typed_actor<
    // The credit opened, or the journal has been away for too long. Checks both again.
    caf::reacts_to<look_again_atom>>;

/// INGEST: the events of one POST body. Its lane runs it inline on its I/O thread, and alone has
/// its handle. Verdicts are calls (actors/ingest.hpp).
using ingest_actor = caf::typed_actor<
    // The credit opened, or the journal has been away for too long. Checks both again.
    caf::reacts_to<look_again_atom>>;

/// An actor that a lane runs: a connection or an ingest.
using participant_actor = connection_actor;
static_assert(std::is_same_v<participant_actor, ingest_actor>);

} // namespace telemetry
