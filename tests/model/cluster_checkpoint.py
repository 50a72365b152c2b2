"""The checkpointer of each node (rules 15 to 21), with fenced writes (rules 33, 40 and 41)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from cluster_database import MarkerRow, RobotId, RobotRow
from cluster_tenure import COLLECTING_PHASES
from track import RobotState, Row

if TYPE_CHECKING:
    from cluster_node import Node
    from cluster_tenure import Tenure
    from cluster_world import World
    from track import Track


@dataclasses.dataclass(frozen=True)
class RobotPart:
    """The rows of one robot in a checkpoint."""

    robot: str
    robot_id: RobotId
    rows: list[Row]
    state: RobotState


@dataclasses.dataclass(frozen=True)
class ShardPart:
    """The part of a shard in a checkpoint."""

    tenure: Tenure
    robots: dict[str, RobotPart]
    cut: int
    arrival_ms: int
    horizon_ms: int
    id_counter: int


@dataclasses.dataclass(frozen=True, eq=False)
class Write:
    """One transaction of a checkpoint."""

    tenure: Tenure
    robot: RobotPart | None = None
    marker: ShardPart | None = None
    # Neither: the mutation of rule 40 that checks the epoch in a transaction before the rows.


@dataclasses.dataclass(eq=False)
class Checkpoint:
    """A checkpoint under way: collects shard by shard, then writes robot by robot."""

    to_collect: list[Tenure]
    parts: list[ShardPart] = dataclasses.field(default_factory=list)
    writes: list[Write] = dataclasses.field(default_factory=list)  # to come, the first under way
    is_collected: bool = False  # `writes` are planned

    def leave_out(self, tenure: Tenure) -> None:
        """Drops the part of a tenure that has ended."""
        self.parts = [part for part in self.parts if part.tenure is not tenure]
        self.writes = [write for write in self.writes if write.tenure is not tenure]


class Checkpointer:
    """The checkpointers of all nodes."""

    def __init__(self, world: World) -> None:
        self.world = world

    def step(self, node: Node) -> None:
        """Begins a checkpoint, or does its next step."""
        checkpoint = node.checkpoint
        if checkpoint is None:
            tenures = [
                tenure for tenure in node.tenures.values() if tenure.phase in COLLECTING_PHASES
            ]
            if tenures:
                node.checkpoint = Checkpoint(tenures)
        elif checkpoint.to_collect:
            tenure = checkpoint.to_collect.pop()
            is_over = node.tenures.get(tenure.shard) is not tenure
            if tenure.phase in COLLECTING_PHASES and not is_over:
                self._collect(node, checkpoint, tenure)
        elif not checkpoint.is_collected:
            checkpoint.writes = self._plan_writes(checkpoint)
            checkpoint.is_collected = True
        elif "checkpoint" not in node.busy:
            if checkpoint.writes:
                self._write(node, checkpoint)
            else:
                self._finish(node, checkpoint)

    def _collect(self, node: Node, checkpoint: Checkpoint, tenure: Tenure) -> None:
        """Takes sealed rows of most robots, and computes the exact cut (rules 16 and 17)."""
        world = self.world
        if world.rules.shards_tick and any(track.unsealed for track in tenure.robots.values()):
            tenure.needs_tick = True
        parked = (event for events in tenure.parked.values() for event in events)
        open_batches = [tenure.applied + 1, *(event.batch.batch_no for event in parked)]
        robots: dict[str, RobotPart] = {}
        tracks = list(tenure.robots.items())
        world.chance.shuffle(tracks)
        for robot, track in tracks:
            track.seal(tenure.horizon_ms)
            is_taken = bool(track.sealed) and world.chance.random() < 0.75
            open_batches.extend(track.batch_nos(with_sealed=not is_taken))
            if is_taken:
                robots[robot] = self._robot_part(tenure, robot, track)
        tenure.is_in_checkpoint = True
        cut = max(tenure.cut, min(open_batches) - 1)
        arrival_ms = max(tenure.arrival_ms, tenure.floor_arrival_ms)
        horizon_ms = max(tenure.horizon_ms, tenure.floor_horizon_ms)
        part = ShardPart(tenure, robots, cut, arrival_ms, horizon_ms, tenure.id_counter)
        checkpoint.parts.append(part)
        if world.rules.trim_after == "collect":
            self._trim(node, tenure.shard, cut)

    def _robot_part(self, tenure: Tenure, robot: str, track: Track) -> RobotPart:
        """The rows of a robot under its id, which is new if the robot has none (rule 19)."""
        robot_id = tenure.robot_ids.get(robot)
        if robot_id is None:
            row = self.world.database.robots.get(robot)
            robot_id = row.robot_id if row else None
        if robot_id is None:
            tenure.id_counter += 1
            robot_id = RobotId(tenure.shard, tenure.id_counter)
        tenure.robot_ids[robot] = robot_id
        return RobotPart(robot, robot_id, track.sealed_rows(), track.robot_row())

    def _plan_writes(self, checkpoint: Checkpoint) -> list[Write]:
        """The robots of each shard in any order, then its marker (rule 19)."""
        writes = []
        for part in checkpoint.parts:
            robots = [Write(part.tenure, robot=robot) for robot in part.robots.values()]
            self.world.chance.shuffle(robots)
            if self.world.rules.row_fence == "earlier_transaction":
                writes.append(Write(part.tenure))
            writes += [*robots, Write(part.tenure, marker=part)]
        return writes

    def _write(self, node: Node, checkpoint: Checkpoint) -> None:
        """Sends the next write. After an unknown outcome the same write follows again."""
        world = self.world
        write = checkpoint.writes[0]
        tenure = write.tenure

        def body() -> int | None:
            return self._execute(node, write)

        def on_end(is_known: bool, marker_writes: Any) -> None:
            is_current = node.checkpoint is checkpoint and write in checkpoint.writes[:1]
            if not is_current or not is_known:
                return
            if marker_writes is None:
                world.coverage["checkpoint fenced"] += 1
                world.tenures.lose(node, tenure)
                return
            checkpoint.writes.pop(0)
            tenure.writes = max(tenure.writes, marker_writes)

        world.database.submit(node, "checkpoint", body, on_end)

    def _execute(self, node: Node, write: Write) -> int | None:
        """The transaction: returns the new `writes` of the marker, or None if it is fenced."""
        rules, tenure = self.world.rules, write.tenure
        marker = self.world.database.markers[tenure.shard]
        is_own = marker.epoch == tenure.epoch
        if write.robot:
            if rules.row_fence == "same_transaction" and not is_own:
                return None
            self._write_rows(write.robot)
        elif write.marker:
            if rules.marker_checks_epoch and not is_own:
                return None
            self._write_marker(marker, write.marker)
            self.world.say(
                f"  database: marker of shard {tenure.shard}, cut {write.marker.cut}",
                f"by node {node.incarnation}",
            )
        else:
            return 0 if is_own else None
        marker.writes += 1
        return marker.writes

    def _write_rows(self, part: RobotPart) -> None:
        """Writes event rows that are not there yet, and the robot row (rules 19 and 20)."""
        database, oracle = self.world.database, self.world.oracle
        oracle.check_robot_id(part.robot, part.robot_id)
        for row in part.rows:
            key, event = (part.robot_id, row.timestamp), row[1:]
            stored = database.events.get(key)
            oracle.check_row(part.robot, row, stored)
            if stored is None:
                database.events[key] = event
                oracle.take_row(part.robot, row)
        known = database.robot_state(part.robot)
        if known is None or known.seal_point <= part.state.seal_point:
            database.robots[part.robot] = RobotRow(part.robot_id, part.state)
        self.world.say(f"  database: rows of {part.robot} {[row.timestamp for row in part.rows]}")

    def _write_marker(self, marker: MarkerRow, part: ShardPart) -> None:
        """Raises cut, floors and id counter of a marker (rule 41)."""
        values = {
            "cut": part.cut,
            "arrival_ms": part.arrival_ms,
            "horizon_ms": part.horizon_ms,
            "id_counter": part.id_counter,
        }
        for name, value in values.items():
            if self.world.rules.marker_only_rises:
                value = max(value, getattr(marker, name))
            setattr(marker, name, value)

    def _finish(self, node: Node, checkpoint: Checkpoint) -> None:
        """Rows leave memory, and the journal is trimmed (rule 21)."""
        for part in checkpoint.parts:
            tenure = part.tenure
            tenure.cut = max(tenure.cut, part.cut)
            tenure.is_in_checkpoint = False
            for robot in part.robots.values():
                if robot.robot in tenure.robots:
                    tenure.robots[robot.robot].release(len(robot.rows))
            if self.world.rules.trim_after == "marker":
                self._trim(node, tenure.shard, part.cut)
        node.checkpoint = None

    def _trim(self, node: Node, shard: int, cut: int) -> None:
        """Deletes the batches up to the cut, at any time and without a fence (rule 41)."""
        world = self.world

        def body() -> None:
            batches = world.database.journal[shard]
            for number in [number for number in batches if number <= cut]:
                for line in batches[number].lines:
                    world.oracle.check_trimmed(line.event)
                del batches[number]

        world.database.submit_trim(node, body)
