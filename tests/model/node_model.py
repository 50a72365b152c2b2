"""The single-node model, as the harness takes it: see harness.py."""

import dataclasses
import random

from harness import History, Model, Rules
from node_mutations import CONFIGURATIONS, MUTATIONS
from node_rules import NodeRules
from node_scenes import SCENES
from node_world import World, draw_workload
from track import Violation


def history(seed: int, rules: Rules, is_traced: bool = False) -> History:
    """Plays one random history."""
    source = random.Random(seed)
    node_rules = NodeRules(**rules)
    world = World(source, node_rules, draw_workload(source, node_rules), is_traced)
    violation = None
    try:
        world.run()
    except Violation as broken:
        violation = broken
    return History(violation, world.trace, world.coverage)


MODEL = Model(
    name="node",
    summary="one node: log, apply, checkpoint, crash, replay (rules 1 to 30)",
    rules=dataclasses.asdict(NodeRules()),
    history=history,
    configurations=CONFIGURATIONS,
    mutations=MUTATIONS,
    scenes=SCENES,
)
