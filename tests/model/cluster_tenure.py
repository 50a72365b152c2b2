"""Tenures: the time of one node with one shard, from its gain to its loss (rules 32 and 38)."""

from __future__ import annotations

import collections
import dataclasses
import enum
from typing import TYPE_CHECKING

from track import NEVER_MS, Track, Verdict

if TYPE_CHECKING:
    from cluster_database import RobotId
    from cluster_messages import Submission
    from cluster_node import Node, PolledShard
    from cluster_shard import ParkedEvent
    from cluster_streams import StreamIn
    from cluster_world import World
    from cluster_writer import Batch


class Phase(enum.Enum):
    """The life of a tenure."""

    MARKER = "waits for its marker"
    REPLAYING = "replays the journal above the marker"
    LIVE = "accepts slices"
    FROZEN = "refuses slices, because a hand-off is to come"
    HANDING = "has sent a hand-off"
    LOST = "is over"


WRITING_PHASES = (Phase.LIVE, Phase.FROZEN, Phase.HANDING)  # batches may still be appended
COLLECTING_PHASES = (Phase.REPLAYING, *WRITING_PHASES)  # checkpoints collect (rule 26)


@dataclasses.dataclass(eq=False)
class Tenure:
    """(shard, epoch) on its node. A new one begins with an empty memory (rule 38)."""

    shard: int
    epoch: int

    phase: Phase = Phase.MARKER

    # --- recovery
    polled_shard: PolledShard | None = None  # only in the mutation of rule 36
    replay_end: int | None = None  # only in the mutation of rule 36: the head of that time

    # --- robots and log position
    robots: dict[str, Track] = dataclasses.field(default_factory=dict)
    parked: dict[str, list[ParkedEvent]] = dataclasses.field(default_factory=dict)  # by robot
    queue: collections.deque[Batch] = dataclasses.field(default_factory=collections.deque)
    """Committed batches, not yet applied."""
    applied: int = 0  # last applied batch number
    arrival_ms: int = NEVER_MS  # of the log up to `applied`
    horizon_ms: int = NEVER_MS

    # --- journal writer
    streams: dict[int, StreamIn] = dataclasses.field(default_factory=dict)  # by gateway
    waiting: collections.deque[Submission] = dataclasses.field(default_factory=collections.deque)
    """Accepted slices, not yet in a commit."""
    next_batch_no: int = 1
    stamped_arrival_ms: int = NEVER_MS  # of the last stamp (rule 3)
    stamped_horizon_ms: int = NEVER_MS
    clock_start_ms: int = 0  # the clock of the tenure when it went live (rule 39)
    live_since_ms: int = 0
    needs_tick: bool = False  # rule 5

    # --- checkpoint
    cut: int = 0
    floor_arrival_ms: int = NEVER_MS  # floors of the marker (rule 22)
    floor_horizon_ms: int = NEVER_MS
    id_counter: int = 0
    robot_ids: dict[str, RobotId] = dataclasses.field(default_factory=dict)
    is_in_checkpoint: bool = False
    writes: int = 0  # of the marker, as last committed by this tenure (rule 37)

    receiver: int = 0  # of a hand-off; an incarnation


class Tenures:
    """Begins and ends the tenures of every node."""

    def __init__(self, world: World) -> None:
        self.world = world

    def gain(self, node: Node, shard: int, epoch: int) -> None:
        """Begins a tenure. Its recovery follows."""
        tenure = Tenure(shard, epoch)
        node.tenures[shard] = tenure
        rules = self.world.rules
        if not rules.recovery_reads_own_epoch:
            tenure.polled_shard = node.polled_shards.get(shard)
        if not rules.tenures_begin_empty and shard in node.lost_tenures:
            tenure.robots = node.lost_tenures[shard].robots
        self.world.say(f"node {node.incarnation} gains shard {shard} in epoch {epoch}")

    def lose(self, node: Node, tenure: Tenure) -> None:
        """Ends a tenure: nothing of it is committed, answered or read any more (rule 38).

        Slices that wait or are in the commit under way are refused. Slices further on are just
        dropped here, because a node that loses them is always ended as a whole.
        """
        shard = tenure.shard
        self.world.say(f"node {node.incarnation} loses shard {shard} in epoch {tenure.epoch}")
        if node.tenures.get(shard) is tenure:
            del node.tenures[shard]
            node.lost_tenures[shard] = tenure
        tenure.phase = Phase.LOST
        open_submissions = {id(submission): submission for submission in tenure.waiting}
        if node.commits_for(tenure):
            for submission in self._withdraw_commit(node, tenure):
                open_submissions[id(submission)] = submission
        for submission in open_submissions.values():
            self.world.streams.refuse(node, submission.message)
        node.look_ups = [look_up for look_up in node.look_ups if look_up.tenure is not tenure]
        if node.checkpoint:
            node.checkpoint.leave_out(tenure)

    def _withdraw_commit(self, node: Node, tenure: Tenure) -> list[Submission]:
        """Takes the batch of a tenure out of the commit under way, and returns its submissions."""
        assert node.commit is not None
        batch = node.commit.batches[tenure.shard]
        if self.world.rules.lost_commit_is_ok:
            for index, line in enumerate(batch.lines):
                self.world.shards.settle(node, tenure, line, Verdict.OK, batch.batch_no, index)
        self.world.writer.drop_batch(node, tenure.shard)
        return batch.submissions()
