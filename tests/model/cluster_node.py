"""One server process of the cluster model: its knowledge, and its work under way."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

from cluster_rules import SHARD_COUNT
from cluster_streams import StreamOut
from track import NEVER_MS

if TYPE_CHECKING:
    from cluster_checkpoint import Checkpoint
    from cluster_database import MarkerRow, Transaction
    from cluster_shard import LookUp
    from cluster_tenure import Tenure
    from cluster_writer import GroupCommit


class Place(NamedTuple):
    """Where a shard is, as a node has seen it."""

    owner: int  # an incarnation
    epoch: int


class PolledShard(NamedTuple):
    """The rows of a shard in a view. Only the mutation of rule 36 uses them."""

    marker: MarkerRow
    head: int


class SeenHeartbeat(NamedTuple):
    """Rule 45: a heartbeat of another node, and since when it stands still."""

    heartbeat: int
    since_ms: int


@dataclasses.dataclass(eq=False)
class Node:
    """One incarnation: one life of one process."""

    incarnation: int
    name: str
    wall_clock_ms: int  # at start; wall clocks of nodes need not agree (rule 39)

    is_up: bool = True
    is_paused: bool = False
    paused_until_ms: int = 0
    late_answers: list[tuple[Transaction, bool, Any]] = dataclasses.field(default_factory=list)
    """Answers of the database that came during a pause."""
    busy: set[str] = dataclasses.field(default_factory=set)
    """Kinds of transactions whose end it awaits."""

    # --- membership
    is_joined: bool = False
    places: dict[int, Place] = dataclasses.field(default_factory=dict)  # by shard
    polled_shards: dict[int, PolledShard] = dataclasses.field(default_factory=dict)
    view_version: int = -1
    last_view_ms: int = NEVER_MS
    nodes_up: list[int] = dataclasses.field(default_factory=list)  # in its last view
    seen_heartbeats: dict[int, SeenHeartbeat] = dataclasses.field(default_factory=dict)
    lease_end_ms: int = NEVER_MS  # rule 44

    # --- as a gateway: one stream per shard
    streams: list[StreamOut] = dataclasses.field(
        default_factory=lambda: [StreamOut() for _ in range(SHARD_COUNT)]
    )

    # --- as an owner
    tenures: dict[int, Tenure] = dataclasses.field(default_factory=dict)  # by shard
    lost_tenures: dict[int, Tenure] = dataclasses.field(default_factory=dict)  # the last, by shard
    commit: GroupCommit | None = None  # at most one is under way
    checkpoint: Checkpoint | None = None  # rule 18
    look_ups: list[LookUp] = dataclasses.field(default_factory=list)

    def take_answer(self, transaction: Transaction, is_known: bool, result: Any) -> None:
        """Learns how a transaction ended."""
        self.busy.discard(transaction.kind)
        assert transaction.on_end is not None
        transaction.on_end(is_known, result)

    def commits_for(self, tenure: Tenure) -> bool:
        """Whether a batch of this tenure is in the commit under way."""
        if self.commit is None or tenure.shard not in self.commit.batches:
            return False
        return self.commit.tenures[tenure.shard] is tenure
