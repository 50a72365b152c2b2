"""Configurations and mutations of the single-node model."""

from typing import Any

from harness import Configuration, Mutation

# Windows shorter and longer than most of the disorder in a workload.
WIDE_WINDOWS_MS = (0, 20, 60)
# Jumps of the wall clock by more than a history takes.
A_QUARTER_HOUR_MS = 1_000_000
A_DAY_MS = 86_400_000


def _configuration(name: str, **rules: Any) -> Configuration:
    return Configuration(name, rules)


def _red(name: str, **rules: Any) -> Mutation:
    return Mutation(name, rules)


def _green(name: str, **rules: Any) -> Mutation:
    """A change that breaks no promise. It shows under which conditions a rule is needed."""
    return Mutation(name, rules, is_red=False)


CONFIGURATIONS = [
    _configuration("rocksdb"),
    _configuration("mysql_rows", store="mysql_rows"),
    _configuration(
        "mysql_rows, replay of the whole journal", store="mysql_rows", replay_from="journal"
    ),
    _configuration(
        "mysql_robots, replay of the whole journal", store="mysql_robots", replay_from="journal"
    ),
    _configuration("rocksdb, no window", windows_ms=(0,)),
    _configuration(
        "rocksdb, wide windows", windows_ms=WIDE_WINDOWS_MS, wall_jump_ms_max=A_QUARTER_HOUR_MS
    ),
    _configuration(
        "mysql_rows, wide windows",
        store="mysql_rows",
        windows_ms=WIDE_WINDOWS_MS,
        wall_jump_ms_max=A_QUARTER_HOUR_MS,
    ),
    _configuration("rocksdb, long windows", windows_ms=(30, 60)),
    _configuration("rocksdb, wall clock jumps by a day", wall_jump_ms_max=A_DAY_MS),
]

MUTATIONS = [
    # --- stamp and journal
    _red("rule 2: node clock is the wall clock", node_clock="wall", wall_jump_ms_max=A_DAY_MS),
    _red("rule 4: horizon from the present window", horizon="config"),
    _green(
        "rule 4: the same, and the window never changes",
        horizon="config",
        does_window_change=False,
    ),
    _red(
        "rule 4: horizons may fall",
        is_horizon_monotone=False,
        store="mysql_rows",
        windows_ms=WIDE_WINDOWS_MS,
    ),
    _red("rule 5: no ticks", seal_clock="log"),
    _red(
        "rule 5: an idle shard seals without a tick, mysql_rows",
        seal_clock="idle_floor",
        store="mysql_rows",
    ),
    _green(
        "rule 5: an idle shard seals without a tick, mysql_robots",
        seal_clock="idle_floor",
        store="mysql_robots",
    ),
    _green("rule 5: an idle shard seals without a tick, rocksdb", seal_clock="idle_floor"),
    _red("rule 6: commit of unknown outcome skipped", unknown_commit="skip"),
    # A journal that overwrites loses the first content, which was never answered.
    _green("rule 6: commit of unknown outcome overwritten", unknown_commit="overwrite"),
    _red("rule 7: numbers restart with the journal", numbering="restart"),
    _red("rule 8: future limit on replay", has_replay_future_limit=True),
    # --- seal and look-ups
    _red("rule 11: offer does not seal", offer_seals=False),
    _red("rule 11: odometers shifted by the detour", odometer="delta"),
    _red("rule 11: no look-up", look_up="none"),
    _red("rule 12: look-up in the store alone", look_up="store"),
    _red("rule 12: look-up in the store, then in memory", look_up="store_memory"),
    _red("rule 13: parked event judged by the shard's horizon", parked_horizon="shard"),
    # --- checkpoint
    _red("rule 15: checkpoint seals by the clock, rocksdb", seal_clock="wall"),
    _red(
        "rule 15: checkpoint seals by the clock, mysql_rows", seal_clock="wall", store="mysql_rows"
    ),
    _red("rule 15: checkpoint in a replay seals by the clock", replay_seal_clock="wall"),
    _red("rule 16: robot row holds the latest state", robot_row="latest"),
    _red("rule 17: cut is the newest batch", cut="newest"),
    _red(
        "rule 17: cut by the clock",
        cut="time_wall",
        is_checkpoint_partial=False,
    ),
    _red(
        "rule 17: cut by the clock, nothing parked",
        cut="time_wall",
        is_checkpoint_partial=False,
        is_activation_async=False,
    ),
    _red("rule 17: cut by the horizon, some robots left out", cut="time_log"),
    _red("rule 17: cut by the horizon", cut="time_log", is_checkpoint_partial=False),
    _green(
        "rule 17: cut by the horizon, ticks until the journal is empty",
        cut="time_log",
        is_checkpoint_partial=False,
        tick_while="journal",
    ),
    _red(
        "rule 17: the same, 1 ms too far",
        cut="time_log_plus_one",
        is_checkpoint_partial=False,
        tick_while="journal",
    ),
    _red(
        "rule 19: id stored with the robot row, mysql_rows",
        robot_id="with_rows",
        store="mysql_rows",
    ),
    _green("rule 19: id stored with the robot row, rocksdb", robot_id="with_rows"),
    _red("rule 21: rows leave memory when they are collected", release="before"),
    # --- marker and replay
    _red("rule 22: a replay starts with the horizon of the marker", marker_stamp="replay_start"),
    # Rule 22 leaves the floor open. What is stored is sealed already, whatever is stamped later.
    _green("rule 22: no floor in the marker, rocksdb", marker_stamp="none"),
    _green(
        "rule 22: no floor in the marker, mysql_rows",
        marker_stamp="none",
        store="mysql_rows",
        windows_ms=WIDE_WINDOWS_MS,
    ),
    _red("rule 23: arrivals taken at the replay", replay_arrival="clock"),
    _red("rule 25: reads served during the replay", is_served_early=True),
    # --- passivation and reads
    _red("rule 27: robots with unstored rows passivated", passivation="sealed"),
    _red("rule 29: a read takes the store, then memory", read_order="store_memory"),
    # Chance hardly meets the history that this breaks: see the scene read_across_checkpoint.
    _green("rule 30: odometers of a read come from memory (scene)", read_odometer="memory"),
]
