"""The rules of many nodes (32 to 48 of docs/RULES.md) as switches of the cluster model.

Each default is the design. Each other value is a mutation, see cluster_mutations.py.
"""

import dataclasses
from typing import Literal

from track import TrackRules

SHARD_COUNT = 2
ROBOTS = "abcdefghijklmnopqrst"  # a name is one letter
DEAD_AFTER_MS = 70  # rule 45: how long a heartbeat stands still before another node ends its node
LONGEST_VIEW_GAP_MS = 45  # rule 45: after a longer gap between two views, observation begins anew
LEASE_MS = 50  # rule 44: below DEAD_AFTER_MS
ENDLESS_LEASE_MS = 10**6


def shard_of(robot: str) -> int:
    """The shard of a robot (rule 8)."""
    return (ord(robot) - ord("a")) % SHARD_COUNT


@dataclasses.dataclass(frozen=True)
class ClusterRules(TrackRules):
    """See the head of this file. TrackRules has the rules of a single robot."""

    # --- fences

    # Rule 33. An append moves the head of a shard only under the epoch of the tenure.
    append_checks_epoch: bool = True
    # Rule 33. An append moves the head only from the batch number where the owner left it.
    append_checks_head: bool = True
    # Rule 34. Whatever raises the epoch of a shard raises that of its marker too.
    marker_epoch_rises: bool = True
    # Rule 40. same_transaction: the transaction of a robot's rows checks the epoch of the marker.
    # earlier_transaction: another transaction before it does. none: no transaction does.
    row_fence: Literal["same_transaction", "earlier_transaction", "none"] = "same_transaction"
    # Rule 40. A checkpoint writes the marker only under the epoch of the tenure.
    marker_checks_epoch: bool = True
    # Rule 41. Cut, floors and id counter of a marker never fall, whatever transaction writes them.
    marker_only_rises: bool = True

    # --- unknown outcomes

    # Rule 35. What follows an append whose outcome is unknown.
    # ask: a read of epoch and head may say "done", otherwise the same append follows again.
    # ask_number: the same, but the read compares the head alone.
    # assume_done: the events are applied. assume_lost: the slices are refused.
    unknown_commit: Literal["ask", "ask_number", "assume_done", "assume_lost"] = "ask"
    # Rule 38. A tenure that ends answers OK for its append of unknown outcome.
    lost_commit_is_ok: bool = False

    # --- recovery

    # Rule 36. Marker and head are read under the new epoch, not in the view before it.
    recovery_reads_own_epoch: bool = True
    # Rule 36. A replay that sees a greater epoch ends the tenure.
    replay_end_checks_epoch: bool = True
    # Rule 36. marker_and_robots: the ids of new robots continue above the marker and all robots.
    # marker: above the marker alone.
    ids_continue_above: Literal["marker_and_robots", "marker"] = "marker_and_robots"
    # Rule 38. A tenure uses no robots of an earlier tenure of the same node.
    tenures_begin_empty: bool = True
    # Rule 39. The stamps of a tenure continue above the journal and the marker.
    stamps_continue: bool = True
    # Rule 25. Memory answers no reads before the replay is done.
    reads_wait_for_replay: bool = True
    # Rules 25 and 42. A shard accepts no slices before its replay is done.
    writes_wait_for_replay: bool = True

    # --- streams

    # Rule 42. Within a generation, a stream accepts only the next number.
    streams_refuse_gaps: bool = True
    # Rule 42. A stream accepts no slices of earlier generations.
    streams_refuse_old_generations: bool = True
    # Rule 42. A slice names the epoch that it is meant for, and another epoch refuses it.
    slices_name_epoch: bool = True
    # Rule 42. A stream sends unanswered slices before new ones.
    unanswered_go_first: bool = True
    # Rule 42. A new generation begins with every unanswered slice.
    generations_begin_with_unanswered: bool = True
    # Rule 43. Verdicts count only for the generation that they answer.
    verdicts_match_generation: bool = True

    # --- reads

    # Rule 29. memory_first: a read takes memory, then the store. store_first: the reverse.
    read_order: Literal["memory_first", "store_first"] = "memory_first"
    # Rule 37. Each read of the store names the epoch and writes of the shard that it has to see.
    reads_are_stated: bool = True
    # Rule 44. Memory answers reads only within the lease.
    reads_need_lease: bool = True
    # Rule 44. sending: the lease counts from the sending of a heartbeat. answer: from its answer.
    lease_counts_from: Literal["sending", "answer"] = "sending"
    # Rule 44. The lease is shorter than the observation that ends a node.
    lease_is_short: bool = True
    # Rule 47. A list compares the tokens of all shards before its scan and after their memory.
    lists_compare_tokens: bool = True

    # --- membership and hand-off

    # Rule 45. A node is ended only if its heartbeat is still the one that was observed.
    end_checks_heartbeat: bool = True
    # Rule 45. A node ends an earlier node of its name only if it holds that node's lock file.
    namesake_needs_lock: bool = True
    # Rule 48. Any node gives the shards of nodes that are not up to nodes that are.
    anyone_gives_orphans: bool = True
    # Rule 33. A hand-off changes the row only under the epoch of the tenure.
    handoff_checks_epoch: bool = True
    # Rule 46. Memory answers no reads once the hand-off is sent.
    handoff_ends_reads: bool = True
    # Rule 46. After a hand-off of unknown outcome there is no way back but another epoch.
    handoff_is_final: bool = True
    # Rule 46. A hand-off waits for the commit and the checkpoint under way.
    handoff_settles_first: bool = True

    # --- rules of one node

    # Rule 21. marker: a trim follows the durable marker. collect: it follows the collection.
    trim_after: Literal["marker", "collect"] = "marker"
    # Rule 5. A shard with unsealed events gets an empty batch, so that they are sealed.
    shards_tick: bool = True


DESIGN = ClusterRules()
