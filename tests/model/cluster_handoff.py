"""The hand-off of a shard from its owner to a node that is up (rule 46)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster_tenure import Phase

if TYPE_CHECKING:
    from cluster_node import Node
    from cluster_tenure import Tenure
    from cluster_world import World


class Handoff:
    """Hands shards of every node over: freeze, settle, send."""

    def __init__(self, world: World) -> None:
        self.world = world

    def step(self, node: Node) -> None:
        """Does the next step with one shard of a node."""
        if not node.tenures or "hand-off" in node.busy:
            return
        tenure = self.world.chance.choice(list(node.tenures.values()))
        if tenure.phase is Phase.LIVE:
            self._freeze(node, tenure)
        elif tenure.phase is Phase.HANDING:
            # There is no way back but a new epoch. The receiver may be the node itself.
            tenure.receiver = self.world.chance.choice(node.nodes_up or [node.incarnation])
            self._send(node, tenure)
        elif tenure.phase is Phase.FROZEN and self._is_settled(node, tenure):
            self._send(node, tenure)

    def _freeze(self, node: Node, tenure: Tenure) -> None:
        """Begins a hand-off by chance: slices are refused from now on."""
        world = self.world
        if world.has_calmed_down:
            return
        others = [other for other in node.nodes_up if other != node.incarnation]
        if not others or world.chance.random() >= 0.5:
            return
        tenure.phase = Phase.FROZEN
        tenure.receiver = world.chance.choice(others)
        world.say(f"node {node.incarnation} freezes shard {tenure.shard} for {tenure.receiver}")
        if world.rules.handoff_settles_first:
            while tenure.waiting:
                world.streams.refuse(node, tenure.waiting.popleft().message)

    def _is_settled(self, node: Node, tenure: Tenure) -> bool:
        """Whether no commit, event, look-up or checkpoint of the shard is under way."""
        if not self.world.rules.handoff_settles_first:
            return True
        is_committing = node.commit is not None and tenure.shard in node.commit.batches
        is_looking_up = any(look_up.tenure is tenure for look_up in node.look_ups)
        is_busy = is_committing or tenure.queue or tenure.parked or is_looking_up
        return not is_busy and not tenure.is_in_checkpoint

    def _send(self, node: Node, tenure: Tenure) -> None:
        """Sends the transaction. From now on memory answers no reads."""
        world = self.world
        database = world.database
        shard, receiver = tenure.shard, tenure.receiver

        def body() -> str:
            row = database.shards[shard]
            is_own = (row.epoch, row.owner) == (tenure.epoch, node.incarnation)
            if world.rules.handoff_checks_epoch and not is_own:
                return "lost"
            if not database.is_up(receiver):
                return "receiver is not up"
            database.move(shard, receiver)
            database.version += 1
            world.coverage["hand-off"] += 1
            return "moved"

        def on_end(is_known: bool, result: Any) -> None:
            if tenure.phase is not Phase.HANDING:
                return
            if is_known and result != "receiver is not up":
                world.tenures.lose(node, tenure)
            elif not is_known and not world.rules.handoff_is_final:
                is_still_own = database.shards[shard].epoch == tenure.epoch
                if is_still_own and world.chance.random() < 0.5:
                    tenure.phase = Phase.LIVE

        tenure.phase = Phase.HANDING
        database.submit(node, "hand-off", body, on_end)
