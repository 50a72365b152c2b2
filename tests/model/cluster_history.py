"""Random histories of the cluster model: which part of which node acts next, and which fault comes.

A history has two halves. First, parts act and faults happen by chance. Then all faults end, and
everything must be answered, stored and trimmed within a bounded number of steps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from cluster_node import Node
from cluster_rules import SHARD_COUNT
from cluster_tenure import Phase
from cluster_world import World
from track import Promise, Violation

CALM_STEPS_MAX = 60_000
NODE_NAMES = ("n0", "n1", "n2", "n3")


@dataclasses.dataclass(frozen=True)
class Action:
    """A part that may act next. An action of a node is given that node."""

    run: Callable[..., None]
    weight: float
    is_of_node: bool = True
    is_membership: bool = False  # by which a node learns what happened during a pause
    is_disturbance: bool = False  # does not happen any more once the faults have ended


class RandomHistory:
    """Plays one history in a world."""

    def __init__(self, world: World) -> None:
        """Draws how this history fails. Sleepy histories have few faults but many long pauses."""
        self.world = world
        choice = world.chance.choice
        database = world.database
        lost_answer_chance = choice([0.02, 0.1, 0.3])
        send_weight = 6 if world.is_sleepy else choice((1.5, 3, 7))
        database.lost_answer_chance = choice([0, 0.05]) if world.is_sleepy else lost_answer_chance
        database.linger_chance = choice([0.3, 0.9, 0.98])
        database.stale_read_chance = choice([0, 0, 0.3])
        database.slow_chance = choice([0, 0.03, 0.12])
        handoff_weight = choice([0, 3, 12])
        checkpoint_weight = choice([4, 10, 25])
        cut_weight = choice([0.1, 1.5])
        self.actions = [
            *_node_actions(world, handoff_weight, checkpoint_weight),
            *_world_actions(world, send_weight, cut_weight),
        ]
        fault_chance = choice([0.001, 0.004, 0.012, 0.02])
        self.fault_chance = 0.003 if world.is_sleepy else fault_chance

    def play(self) -> None:
        """Both halves. Raises Violation when a promise is broken."""
        weights = [action.weight for action in self.actions]
        steps = 4000 if self.world.is_sleepy else 1200
        for step, action in enumerate(self.world.chance.choices(self.actions, weights, k=steps)):
            running = self._act(action)
            if self.world.chance.random() < self.fault_chance:
                self._fail(running)
            self._do_regular_work(step)
        self._calm_down()
        self._play_calmly(self._is_all_answered, "not everything is answered")
        self._play_calmly(self._is_all_stored, "not everything is stored and trimmed")
        self.world.oracle.check_end()

    def _act(self, action: Action) -> list[Node]:
        """Lets an action run. Returns the nodes that were running before it."""
        world = self.world
        world.now_ms += world.chance.choice((0, 0, 1, 1, 2))
        running = world.running_nodes()
        if not action.is_of_node:
            action.run()
        elif self._is_woken_first(running):
            if not action.is_membership or world.chance.random() < 0.15:
                action.run(world.woken_node)
        elif running:
            action.run(world.chance.choice(running))
        return running

    def _is_woken_first(self, running: list[Node]) -> bool:
        """Whether the node that just woke acts, which it likely does before it learns anything."""
        world = self.world
        if world.now_ms >= world.woken_until_ms or world.woken_node not in running:
            return False
        return world.chance.random() < 0.6

    def _do_regular_work(self, step: int) -> None:
        world = self.world
        world.database.away_steps = max(0, world.database.away_steps - 1)
        if step % 10 == 0:
            for node in world.nodes.values():
                if node.is_up and node.is_paused and world.now_ms > node.paused_until_ms:
                    world.resume(node)
        if step % 30 == 0:
            world.oracle.check_owners()
        if step % 60 == 0:
            world.database.remember_older_server()

    # --- faults

    def _fail(self, running: list[Node]) -> None:
        """One fault, chosen at random. `running` are the nodes before the last action."""
        world = self.world
        luck = world.chance.random()
        if world.is_sleepy and self._fail_sleepily(running, luck):
            return
        if luck < 0.2 and running:
            world.kill(self._owner_or_any(running))
        elif luck < 0.65 and running:
            world.pause(self._owner_or_any(running))
        elif luck < 0.72:
            world.database.away_steps = world.chance.randint(5, 60)
            world.coverage["database away"] += 1
        elif luck < 0.75 and running:
            world.start_node(world.chance.choice(running).name)
            world.coverage["a second node of one name"] += 1
        elif luck < 0.78:
            world.start_node(f"n{world.chance.randint(4, 6)}")
        else:
            paused = [node for node in world.nodes.values() if node.is_up and node.is_paused]
            if paused:
                world.resume(world.chance.choice(paused))
        self._keep_number_of_nodes()

    def _fail_sleepily(self, running: list[Node], luck: float) -> bool:
        """Mostly pauses an owner until after its takeover. False: another fault has to happen."""
        world = self.world
        owners = [world.owner_node(shard) for shard in range(SHARD_COUNT)]
        awake_owners = [node for node in owners if node in running]
        is_any_paused = any(node.is_up and node.is_paused for node in world.nodes.values())
        if awake_owners and len(running) > 1 and luck < 0.9 and not is_any_paused:
            node = world.chance.choice(awake_owners)
            world.pause(node)
            node.paused_until_ms = world.now_ms + world.chance.choice((200, 300, 450))
            return True
        if luck < 0.9:
            return True
        if awake_owners and luck < 0.95 and len(running) < 5:
            world.start_node(world.chance.choice(awake_owners).name)
            return True
        return False

    def _owner_or_any(self, running: list[Node]) -> Node:
        owner = self.world.owner_node(self.world.chance.randrange(SHARD_COUNT))
        if owner in running and self.world.chance.random() < 0.7:
            return owner
        return self.world.chance.choice(running)

    def _keep_number_of_nodes(self) -> None:
        """Starts a node if there are few, and kills one if there are many."""
        world = self.world
        names_up = {node.name for node in world.nodes.values() if node.is_up}
        if len(names_up) < 3 and world.chance.random() < 0.9:
            missing = [name for name in NODE_NAMES if name not in names_up]
            world.start_node(world.chance.choice(missing))
        up = [node for node in world.nodes.values() if node.is_up]
        if len(up) > 4:
            world.kill(world.chance.choice(up))

    # --- the calm half

    def _calm_down(self) -> None:
        """Ends all faults."""
        world = self.world
        database = world.database
        database.away_steps = 0
        for node in list(world.nodes.values()):
            if node.is_up and node.is_paused:
                world.resume(node)
        if not world.running_nodes():
            world.start_node("n0")
        database.lost_answer_chance = database.slow_chance = database.stale_read_chance = 0
        database.older_servers = []
        world.has_calmed_down = True

    def _play_calmly(self, is_done: Callable[[], bool], complaint: str) -> None:
        """Lets parts act until `is_done`, which must become true."""
        world = self.world
        actions = [action for action in self.actions if not action.is_disturbance]
        weights = [9 if action.run == world.producers.send else action.weight for action in actions]
        for step in range(CALM_STEPS_MAX):
            if step % 20 == 0 and is_done():
                return
            action = world.chance.choices(actions, weights)[0]
            world.now_ms += world.chance.choice((0, 0, 0, 1))
            running = world.running_nodes()
            if not running:
                world.start_node("n0")
            elif action.is_of_node:
                action.run(world.chance.choice(running))
            else:
                action.run()
        raise Violation(Promise.EVERYTHING_RESTS, complaint)

    def _is_all_answered(self) -> bool:
        return all(client.is_done for client in self.world.producers.clients)

    def _is_all_stored(self) -> bool:
        world = self.world
        for shard in range(SHARD_COUNT):
            node = world.owner_node(shard)
            tenure = node.tenures.get(shard) if node and node.is_up else None
            if tenure is None or tenure.phase is not Phase.LIVE:
                return False
            if tenure.waiting or tenure.queue or tenure.parked:
                return False
            if any(track.unsealed or track.sealed for track in tenure.robots.values()):
                return False
            if any(batch.lines for batch in world.database.journal[shard].values()):
                return False
        return not any(node.commit for node in world.running_nodes())


def _node_actions(world: World, handoff_weight: float, checkpoint_weight: float) -> list[Action]:
    return [
        Action(world.membership.join, 12),
        Action(world.membership.beat, 20, is_membership=True),
        Action(world.membership.poll, 24, is_membership=True),
        Action(world.recovery.step, 20),
        Action(world.handoff.step, handoff_weight),
        Action(world.streams.give_up, 0.15, is_disturbance=True),
        Action(world.streams.send, 12),
        Action(world.streams.notice_cut_links, 2),
        Action(world.writer.form, 7),
        Action(world.writer.step, 8),
        Action(world.shards.apply_committed, 8),
        Action(world.shards.activate, 6),
        Action(world.shards.look_up, 4),
        Action(world.shards.passivate, 1),
        Action(world.checkpointer.step, checkpoint_weight),
    ]


def _world_actions(world: World, send_weight: float, cut_weight: float) -> list[Action]:
    """Actions that do not belong to one node."""
    return [
        Action(world.database.step, 30, is_of_node=False),
        Action(world.producers.send, send_weight, is_of_node=False),
        Action(world.streams.deliver, 16, is_of_node=False),
        Action(world.producers.answer, 9, is_of_node=False),
        Action(world.reads.step, 14, is_of_node=False),
        Action(world.streams.cut_some_link, cut_weight, is_of_node=False, is_disturbance=True),
        Action(world.producers.break_some_connection, 0.3, is_of_node=False, is_disturbance=True),
    ]
