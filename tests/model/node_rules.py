"""The rules of the single-node model that can be switched, and what surrounds the node.

Each default is the design of docs/RULES.md. The other values exist for mutations and scenes.
"""

import dataclasses
from typing import Literal

from track import TrackRules


@dataclasses.dataclass(frozen=True)
class NodeRules(TrackRules):
    """See the head of this file. TrackRules has the rules of a single robot."""

    # --- Stamp and journal

    # Rule 2. steady: the node clock continues from the wall clock and the records at start.
    # wall: the node clock is the wall clock, and rule 3 alone keeps arrivals from falling.
    node_clock: Literal["steady", "wall"] = "steady"
    # Rule 4. stamped: the horizon of a batch is the stamped one.
    # config: it is computed again from the window of the running process.
    horizon: Literal["stamped", "config"] = "stamped"
    # Rule 4. A horizon is never below the one before it.
    is_horizon_monotone: bool = True
    # Rule 5. unsealed: a shard with unsealed events asks for a tick.
    # journal: also a shard whose journal holds events.
    tick_while: Literal["unsealed", "journal"] = "unsealed"
    # Rule 6. retry: a commit of unknown outcome is repeated.
    # skip: its connections are closed, and the next commit has the next number.
    # overwrite: its connections are closed, and the next commit has the same number.
    unknown_commit: Literal["retry", "skip", "overwrite"] = "retry"
    # Rule 7. continue: numbers continue after marker and journal. restart: after the journal alone.
    numbering: Literal["continue", "restart"] = "continue"
    # Rule 8. The future limit is also checked on replay.
    has_replay_future_limit: bool = False

    # --- Seal and look-ups

    # Rules 5, 9 and 15: the horizon by which a checkpoint seals.
    # tick: that of the last applied batch, and a shard with unsealed events asks for a tick.
    # log: the same without ticks.
    # wall: the node clock minus the window.
    # idle_floor: the node clock minus the window if the shard has no work. That time is the floor
    # of later stamps, but in memory only.
    seal_clock: Literal["tick", "log", "wall", "idle_floor"] = "tick"
    # Rule 15. The same during a replay.
    replay_seal_clock: Literal["log", "wall"] = "log"
    # Rule 12. memory_store: a look-up asks memory first, then the store.
    # store_memory: the store first. store: the store alone. none: every sealed event is STALE.
    look_up: Literal["memory_store", "store_memory", "store", "none"] = "memory_store"
    # Rule 13. batch: a parked event is judged by the horizon of its batch.
    # shard: by the horizon of the shard at its activation.
    parked_horizon: Literal["batch", "shard"] = "batch"

    # --- Checkpoint

    # Rule 17. exact: below the first batch with an event that is not stored.
    # newest: the last applied batch.
    # time_wall: the last batch that arrived a window before the node clock.
    # time_log: the last fully offered batch that arrived by the horizon.
    # time_log_plus_one: the same with a horizon 1 ms too high.
    cut: Literal["exact", "newest", "time_wall", "time_log", "time_log_plus_one"] = "exact"
    # Rule 19. rocksdb: rows, robot rows and markers are written at once.
    # mysql_rows: one transaction for each id, row, robot row and marker, in this order.
    # mysql_robots: one transaction for each robot with its rows, then one for each marker.
    store: Literal["rocksdb", "mysql_rows", "mysql_robots"] = "rocksdb"
    # Rule 19. first: a robot id is durable before its rows. with_rows: only with its robot row.
    robot_id: Literal["first", "with_rows"] = "first"
    # Rule 21. after: rows leave memory after the store has them. before: when they are collected.
    release: Literal["after", "before"] = "after"

    # --- Marker and replay

    # Rule 22. floor: the arrival and horizon of the marker are a floor for new stamps.
    # none: the marker has only the cut. replay_start: a replay starts with them.
    marker_stamp: Literal["floor", "none", "replay_start"] = "floor"
    # Rule 23. marker: a replay starts after the cut of the marker.
    # journal: with the first batch in the journal. That gives the same state.
    replay_from: Literal["marker", "journal"] = "marker"
    # Rule 23. journal: a replay offers by the recorded arrivals. clock: by the time of the replay.
    replay_arrival: Literal["journal", "clock"] = "journal"
    # Rule 25. Reads are served before the replay is done. Events are taken from connections, but
    # not yet committed.
    is_served_early: bool = False

    # --- Activation, passivation, reads

    # Rule 27. stored: a robot is passivated only if the store has all its events.
    # sealed: if all its events are sealed.
    passivation: Literal["stored", "sealed"] = "stored"
    # Rule 29. memory_store: a read takes memory first, then the store. store_memory: reversed.
    read_order: Literal["memory_store", "store_memory"] = "memory_store"
    # Rule 30. fold: a read folds the odometers above the last stored row again.
    # memory: it takes them from memory.
    read_odometer: Literal["fold", "memory"] = "fold"

    # --- Surroundings, which are no rules. A mutation may need them kinder or harsher.

    # Windows in milliseconds that a node may start with. None: from 0 to 15 ms.
    windows_ms: tuple[int, ...] | None = None
    # A restart may bring another window.
    does_window_change: bool = True
    # The wall clock jumps back now and then while the node runs. At a restart it always may.
    does_wall_jump: bool = True
    # The greatest jump of the wall clock, in milliseconds.
    wall_jump_ms_max: int = 60
    # The outcome of a commit may be unknown.
    are_commits_lost: bool = True
    # A checkpoint leaves out some robots.
    is_checkpoint_partial: bool = True
    # Robots are activated later than their first event arrives. Otherwise at once.
    is_activation_async: bool = True
