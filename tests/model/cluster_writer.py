"""The journal writer of each node: forms group commits of all its shards, and appends them.

Rules 3 to 7 for stamps and numbers, rule 33 for the fence, rule 35 for unknown outcomes.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from cluster_tenure import WRITING_PHASES, Phase
from track import Event

if TYPE_CHECKING:
    from cluster_messages import Submission
    from cluster_node import Node
    from cluster_tenure import Tenure
    from cluster_world import World


@dataclasses.dataclass(frozen=True)
class LoggedEvent:
    """An event of a batch."""

    event: Event
    submission: Submission
    index: int  # in the submission


@dataclasses.dataclass(eq=False)
class Batch:
    """An entry of the journal (rule 1)."""

    batch_no: int
    epoch: int
    arrival_ms: int
    horizon_ms: int
    writer: int  # an incarnation; only the oracle uses it
    lines: list[LoggedEvent] = dataclasses.field(default_factory=list)

    def submissions(self) -> list[Submission]:
        """The submissions that the lines came from, each once."""
        return list({id(line.submission): line.submission for line in self.lines}.values())


@dataclasses.dataclass(eq=False)
class GroupCommit:
    """The commit under way of a node: at most one batch of each shard."""

    batches: dict[int, Batch]  # by shard; those of unknown or open outcome
    tenures: dict[int, Tenure]  # by shard
    is_unknown: bool = False  # the next step reads the heads


class JournalWriter:
    """The journal writers of all nodes."""

    def __init__(self, world: World) -> None:
        self.world = world

    def form(self, node: Node) -> None:
        """Forms the next commit, of slices that wait and of ticks, if none is under way."""
        if node.commit:
            return
        commit = GroupCommit({}, {})
        for tenure in node.tenures.values():
            if self._may_form(tenure):
                commit.batches[tenure.shard] = self._form_batch(node, tenure)
                commit.tenures[tenure.shard] = tenure
        if commit.batches:
            node.commit = commit

    def _may_form(self, tenure: Tenure) -> bool:
        rules = self.world.rules
        is_writing = tenure.phase in WRITING_PHASES
        if not is_writing and rules.writes_wait_for_replay:
            return False
        if tenure.phase in (Phase.FROZEN, Phase.HANDING) and rules.handoff_settles_first:
            return False
        return bool(tenure.waiting) or (tenure.needs_tick and tenure.phase is Phase.LIVE)

    def _form_batch(self, node: Node, tenure: Tenure) -> Batch:
        """Stamps a batch (rules 3 and 4) and fills it with whole slices."""
        tenure.needs_tick = False
        clock_ms = tenure.clock_start_ms + self.world.now_ms - tenure.live_since_ms
        arrival_ms = max(tenure.stamped_arrival_ms, clock_ms)
        horizon_ms = max(tenure.stamped_horizon_ms, arrival_ms - self.world.window_ms)
        tenure.stamped_arrival_ms, tenure.stamped_horizon_ms = arrival_ms, horizon_ms
        number = tenure.next_batch_no
        tenure.next_batch_no += 1
        batch = Batch(number, tenure.epoch, arrival_ms, horizon_ms, node.incarnation)
        for _ in range(self.world.chance.randint(1, 4)):
            if not tenure.waiting:
                break
            submission = tenure.waiting.popleft()
            for index, sent in enumerate(submission.message.events):
                batch.lines.append(LoggedEvent(sent.event, submission, index))
        return batch

    def step(self, node: Node) -> None:
        """Appends the commit under way, or finds out what became of it."""
        if not node.commit or "append" in node.busy:
            return
        if node.commit.is_unknown:
            self._ask(node, node.commit)
        else:
            self._append(node, node.commit)

    def _append(self, node: Node, commit: GroupCommit) -> None:
        """One transaction for all batches: each moves its head under its epoch (rule 33)."""
        world = self.world
        batches = dict(commit.batches)

        def body() -> bool:
            if not all(self._is_due(shard, batch) for shard, batch in batches.items()):
                return False
            for shard, batch in batches.items():
                self._write(shard, batch)
            return True

        def on_end(is_known: bool, has_changed: Any) -> None:
            if node.commit is not commit:
                return
            assumption = None if is_known else world.rules.unknown_commit
            if has_changed or assumption == "assume_done":
                for shard in batches:
                    if shard in commit.batches:
                        self._take_committed(node, shard)
            elif assumption == "assume_lost":
                self._refuse_all(node, commit)
            else:
                commit.is_unknown = True

        world.database.submit(node, "append", body, on_end)

    def _is_due(self, shard: int, batch: Batch) -> bool:
        """The condition of the update: own epoch, and the head where the owner left it."""
        row, rules = self.world.database.shards[shard], self.world.rules
        if rules.append_checks_epoch and row.epoch != batch.epoch:
            return False
        return not rules.append_checks_head or row.head == batch.batch_no - 1

    def _write(self, shard: int, batch: Batch) -> None:
        world = self.world
        world.oracle.take_batch(shard, batch)
        world.database.shards[shard].head = batch.batch_no
        world.database.journal[shard][batch.batch_no] = batch
        world.say(
            f"  database: shard {shard} batch {batch.batch_no} epoch {batch.epoch}",
            f"arrival {batch.arrival_ms} horizon {batch.horizon_ms}",
            [line.event[:2] for line in batch.lines],
        )

    def _ask(self, node: Node, commit: GroupCommit) -> None:
        """Reads the heads: a moved head means done, another epoch means lost (rule 35).

        An old head means neither, so the same append follows again.
        """
        world = self.world
        decides_by_number = world.rules.unknown_commit == "ask_number"

        def body() -> list[tuple[int, int]]:
            return [(row.epoch, row.head) for row in world.database.shards]

        def on_end(is_known: bool, heads: Any) -> None:
            if not is_known or node.commit is not commit:
                return
            for shard, batch in list(commit.batches.items()):
                epoch, head = heads[shard]
                if epoch != batch.epoch and not decides_by_number:
                    world.tenures.lose(node, commit.tenures[shard])
                elif head >= batch.batch_no:
                    self._take_committed(node, shard)
            commit.is_unknown = False

        world.database.submit(node, "append", body, on_end)

    def _take_committed(self, node: Node, shard: int) -> None:
        """Gives a committed batch to its shard."""
        assert node.commit is not None
        tenure = node.commit.tenures[shard]
        tenure.queue.append(node.commit.batches[shard])
        self.drop_batch(node, shard)

    def drop_batch(self, node: Node, shard: int) -> None:
        """Takes a batch out of the commit under way, which ends with its last batch."""
        assert node.commit is not None
        del node.commit.batches[shard]
        if not node.commit.batches:
            node.commit = None

    def _refuse_all(self, node: Node, commit: GroupCommit) -> None:
        """The mutation of rule 35 that takes an unknown outcome for lost."""
        for shard, batch in list(commit.batches.items()):
            commit.tenures[shard].next_batch_no -= 1
            for submission in batch.submissions():
                self.world.streams.refuse(node, submission.message)
        node.commit = None
