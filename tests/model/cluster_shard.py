"""The shards of each node: apply batches to robots, activate, look up, passivate."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from cluster_database import StoreState, Tables
from cluster_messages import LogPosition
from cluster_tenure import Phase
from track import Offered, Track, Verdict

if TYPE_CHECKING:
    from cluster_node import Node
    from cluster_tenure import Tenure
    from cluster_world import World
    from cluster_writer import Batch, LoggedEvent


@dataclasses.dataclass(frozen=True)
class AppliedBatch:
    """Number and stamp of the batch that an event is judged by (rule 13)."""

    batch_no: int
    arrival_ms: int
    horizon_ms: int  # never below the horizons before it
    is_live: bool  # False: replayed, so nobody waits for a verdict


@dataclasses.dataclass(frozen=True)
class ParkedEvent:
    """An event whose robot is being loaded (rule 28)."""

    line: LoggedEvent
    index: int  # in its batch
    batch: AppliedBatch


@dataclasses.dataclass(frozen=True)
class LookUp:
    """A sealed event that is looked up in the store (rules 11 and 12)."""

    tenure: Tenure
    line: LoggedEvent
    batch_no: int
    index: int  # in its batch


class Shards:
    """The shards of all nodes."""

    def __init__(self, world: World) -> None:
        self.world = world

    def apply_committed(self, node: Node) -> None:
        """Applies the next committed batch of a shard."""
        ready = [
            tenure
            for tenure in node.tenures.values()
            if tenure.queue and tenure.phase is not Phase.MARKER
        ]
        if ready:
            tenure = self.world.chance.choice(ready)
            self.apply(node, tenure, tenure.queue.popleft(), is_live=True)

    def apply(self, node: Node, tenure: Tenure, batch: Batch, is_live: bool) -> None:
        """Offers the events of a batch to their robots, or parks them."""
        tenure.arrival_ms = max(tenure.arrival_ms, batch.arrival_ms)
        tenure.horizon_ms = max(tenure.horizon_ms, batch.horizon_ms)
        tenure.applied = batch.batch_no
        applied = AppliedBatch(batch.batch_no, batch.arrival_ms, tenure.horizon_ms, is_live)
        for index, line in enumerate(batch.lines):
            robot, parked = line.event.robot, ParkedEvent(line, index, applied)
            if robot in tenure.robots and robot not in tenure.parked:
                self._offer(node, tenure, parked)
            else:
                tenure.parked.setdefault(robot, []).append(parked)

    def activate(self, node: Node) -> None:
        """Loads a robot from its row and offers it what was parked (rule 28)."""
        world = self.world
        waiting = [(tenure, robot) for tenure in node.tenures.values() for robot in tenure.parked]
        if not waiting or world.database.away_steps:
            return
        tenure, robot = world.chance.choice(waiting)
        server = self._server(tenure)
        if server is None:
            return
        tenure.robots[robot] = Track(robot, server.robot_state(robot), self.world.rules)
        for parked in tenure.parked.pop(robot):
            self._offer(node, tenure, parked)

    def _server(self, tenure: Tenure) -> Tables | None:
        """A server that shows what this tenure has written (rule 37)."""
        least = StoreState(tenure.epoch, tenure.writes)
        return self.world.database.server_for_read(tenure.shard, least)

    def _offer(self, node: Node, tenure: Tenure, parked: ParkedEvent) -> None:
        """Judges one event (rule 11)."""
        batch, event = parked.batch, parked.line.event
        robot = tenure.robots[event.robot]
        offered = robot.offer(event, batch.arrival_ms, batch.horizon_ms, batch.batch_no)
        self.world.coverage[("live " if batch.is_live else "replay ") + offered.value] += 1
        if offered is Offered.NEW:
            self.world.oracle.check_accepted(event)
        if not batch.is_live:
            return
        if offered is Offered.SEALED:
            look_up = LookUp(tenure, parked.line, batch.batch_no, parked.index)
            node.look_ups.append(look_up)
        else:
            verdict = Verdict.CONFLICT if offered is Offered.CONFLICT else Verdict.OK
            self.settle(node, tenure, parked.line, verdict, batch.batch_no, parked.index)

    def look_up(self, node: Node) -> None:
        """Ends one look-up (rules 11 and 12)."""
        if not node.look_ups or self.world.database.away_steps:
            return
        position = self.world.chance.randrange(len(node.look_ups))
        server = self._server(node.look_ups[position].tenure)
        if server is None:
            return
        look_up = node.look_ups.pop(position)
        event = look_up.line.event
        stored = server.point(event.robot, event.timestamp)
        if stored is None:
            verdict = Verdict.STALE
        else:
            verdict = Verdict.OK if stored == event.point else Verdict.CONFLICT
        tenure, line = look_up.tenure, look_up.line
        self.settle(node, tenure, line, verdict, look_up.batch_no, look_up.index)

    def settle(
        self,
        node: Node,
        tenure: Tenure,
        line: LoggedEvent,
        verdict: Verdict,
        batch_no: int,
        index: int,
    ) -> None:
        """Gives an event its verdict. `index` is its place in the batch."""
        position = LogPosition(tenure.shard, batch_no, index)
        line.submission.answers[line.index] = (verdict, position)
        self.world.streams.settle(node, line.submission)

    def passivate(self, node: Node) -> None:
        """Forgets robots without anything that is not stored, by chance (rule 27)."""
        for tenure in node.tenures.values():
            if tenure.is_in_checkpoint:
                continue
            for robot, track in list(tenure.robots.items()):
                if not track.unsealed and not track.sealed and self.world.chance.random() < 0.6:
                    del tenure.robots[robot]
