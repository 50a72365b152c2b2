"""The model of the cluster: many nodes on one database, rules 32 to 48 of docs/RULES.md.

Nodes die, sleep, start twice and act before they learn what happened. Links are cut and deliver
late. The database loses answers, is slow, executes transactions after their node gave them up, and
is read from servers that fell behind.
"""

import dataclasses

from cluster_history import RandomHistory
from cluster_mutations import MUTATIONS
from cluster_rules import DESIGN
from cluster_scenes import SCENES
from cluster_world import World
from harness import Configuration, History, Model, Rules
from track import Violation


def play_history(seed: int, rules: Rules, is_traced: bool) -> History:
    """Plays one random history. The same seed and rules give the same history."""
    world = World(seed, dataclasses.replace(DESIGN, **rules), is_traced)
    violation = None
    try:
        RandomHistory(world).play()
    except Violation as broken:
        violation = broken
    return History(violation, world.trace, world.coverage)


MODEL = Model(
    name="cluster",
    summary="ownership of shards, fences, forwarding, hand-off, recovery, reads: rules 32 to 48",
    rules=dataclasses.asdict(DESIGN),
    history=play_history,
    configurations=[Configuration("the design")],
    mutations=MUTATIONS,
    scenes=SCENES,
)
