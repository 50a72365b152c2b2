"""Each rule of the cluster model left out alone, and what is expected of it."""

from typing import Any

from harness import Mutation


def _red(name: str, **rules: Any) -> Mutation:
    """A mutation that breaks a promise by chance within the first 2,500 histories."""
    return Mutation(name, rules)


def _red_in_scene(name: str, **rules: Any) -> Mutation:
    """A mutation that chance hardly meets. A scene in cluster_scenes.py shows what it breaks."""
    return Mutation(f"{name} (scene)", rules, is_red=False)


def _saves_work(name: str, **rules: Any) -> Mutation:
    """A mutation that breaks no promise, because another rule catches what it lets through."""
    return Mutation(name, rules, is_red=False)


MUTATIONS = [
    # --- rules of one node that hold across nodes
    _red("rule 21: trim before the marker is durable", trim_after="collect"),
    _red("rule 25: reads during the replay", reads_wait_for_replay=False),
    _red("rule 25: writes during the replay", writes_wait_for_replay=False),
    _red("rule 29: a read takes the store, then memory", read_order="store_first"),
    # --- fences
    _red("rule 33: append without its epoch", append_checks_epoch=False),
    _red("rule 33: append without its batch number", append_checks_head=False),
    _saves_work("rule 33: hand-off without its epoch", handoff_checks_epoch=False),
    _red("rule 34: takeover leaves the epoch of the marker", marker_epoch_rises=False),
    _red("rule 40: rows without a fence", row_fence="none"),
    _red("rule 40: rows with a fence in a transaction before", row_fence="earlier_transaction"),
    # What a former owner does to a marker, either of rules 40 and 41 makes harmless.
    _saves_work("rule 40: marker without a fence", marker_checks_epoch=False),
    # Rare: history 2488 of the first 2,500. See also the scene late_marker.
    _red("rule 41: marker may fall", marker_only_rises=False),
    _red(
        "rules 40 and 41: marker without a fence, and may fall",
        marker_checks_epoch=False,
        marker_only_rises=False,
    ),
    # --- unknown outcomes
    _red("rule 35: unknown outcome taken for done", unknown_commit="assume_done"),
    _red("rule 35: unknown outcome taken for not done", unknown_commit="assume_lost"),
    _red_in_scene("rule 35: batch number alone says done", unknown_commit="ask_number"),
    _red("rule 38: append of unknown outcome is OK when its tenure ends", lost_commit_is_ok=True),
    # --- recovery
    _red("rule 36: recovery reads before it owns the shard", recovery_reads_own_epoch=False),
    _saves_work("rule 36: replay ends at any head", replay_end_checks_epoch=False),
    _red("rule 36: ids continue above the marker alone", ids_continue_above="marker"),
    _red("rule 38: tenure begins with earlier robots", tenures_begin_empty=False),
    _red("rule 39: stamps start anew on a new owner", stamps_continue=False),
    # --- streams
    _red("rule 42: stream accepts gaps", streams_refuse_gaps=False),
    _red("rule 42: stream accepts old generations", streams_refuse_old_generations=False),
    _saves_work("rule 42: slices name no epoch", slices_name_epoch=False),
    _red("rule 42: new slices before unanswered ones", unanswered_go_first=False),
    _red(
        "rule 42: new generation goes on where the old one ended",
        generations_begin_with_unanswered=False,
    ),
    _red("rule 43: verdicts of other generations count", verdicts_match_generation=False),
    # --- reads
    _red("rule 37: any server answers reads of the store", reads_are_stated=False),
    _red("rule 44: reads without a lease", reads_need_lease=False),
    _red("rule 44: lease counts from the answer", lease_counts_from="answer"),
    _red("rule 44: lease longer than the observation", lease_is_short=False),
    _red("rule 47: list compares no tokens", lists_compare_tokens=False),
    # --- membership and hand-off
    _red("rule 45: node ended whatever its heartbeat", end_checks_heartbeat=False),
    _red_in_scene("rule 45: namesake ended at once", namesake_needs_lock=False),
    _red_in_scene("rule 46: reads while a hand-off is under way", handoff_ends_reads=False),
    _red_in_scene("rule 46: hand-off of unknown outcome is given up", handoff_is_final=False),
    _red("rule 46: hand-off does not wait for the commit", handoff_settles_first=False),
    _red("rule 48: shards of a node that left stay with it", anyone_gives_orphans=False),
]
