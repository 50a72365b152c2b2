#!/usr/bin/env python3
"""Checks how bench/macro judges its figures and that the speed table is whole.

usage: speed_table_test.py SOURCE_DIR
"""
import os
import resource
import sys
import tempfile
import unittest
from unittest import mock

SOURCE_DIR = os.path.abspath(sys.argv.pop(1))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SOURCE_DIR, "bench/macro"))

import results  # noqa: E402
import rows_footprint  # noqa: E402
from figures import Figure, median_of  # noqa: E402
from rows import OLDER, TABLE  # noqa: E402

# Some goals are two rows.
ROWS = ["ws-16", "ws-100", "throughput", "ws-1", "lines-100", "falling", "robots-100k", "robots-1m",
        "latency-100k", "paced-1k", "paced-5k", "paced-20k", "paced-50k", "paced-100k",
        "paced-20k-2000", "paced-20k-19000", "idle-connections", "idle-robots", "connections-20k", "get-robot",
        "range-odometer", "stream-1m", "list-100k", "disk-kitti", "idle-cpu",
        "keys-1", "keys-256", "get-key", "list-prefix", "tls-1", "tls-16", "tls-lines-100", "tls-list", "tls-idle",
        "tls-handshakes", "revoke-10k"]


def figure(value, goal=2, stretch=1, **more):
    return Figure("work", value, "µs", goal, stretch, "data", **more)


class FigureTest(unittest.TestCase):
    def test_absolute_goal_is_an_upper_bound_of_the_value(self):
        self.assertTrue(figure(2).meets(2))
        self.assertFalse(figure(2.01, reference=100).meets(2))

    def test_goal_by_ratio_compares_with_the_reference_of_the_run(self):
        self.assertTrue(figure(6, reference=3, is_ratio=True).meets(2))
        self.assertFalse(figure(1.9, reference=0.9, is_ratio=True).meets(2))

    def test_lower_bound_turns_both_round(self):
        self.assertFalse(figure(1.9, is_least=True).meets(2))
        self.assertTrue(figure(2, is_least=True).meets(2))
        self.assertTrue(figure(50, is_least=True, is_ratio=True, reference=100).meets(0.5))
        self.assertFalse(figure(49, is_least=True, is_ratio=True, reference=100).meets(0.5))

    def test_no_goal_is_neither_met_nor_missed(self):
        self.assertIsNone(figure(2).meets(None))

    def test_ratio_without_a_reference_is_a_bug(self):
        with self.assertRaises(AssertionError):
            figure(2, is_ratio=True)

    def test_repetitions_become_medians_with_the_notes_of_the_nearest(self):
        runs = [figure(value, reference=value / 2, notes={"n": value}) for value in (9, 1, 4)]
        merged = median_of(runs)
        self.assertEqual((merged.value, merged.reference, merged.notes["n"]), (4, 2, 4))
        self.assertEqual(merged.notes["runs"], "9 1 4")


class TableTest(unittest.TestCase):
    def test_line_tells_value_reference_ratio_goals_and_verdicts(self):
        self.assertEqual(
            results.line("row", figure(3, goal=3.5, stretch=2, reference=1.2, is_ratio=True)),
            "| row | work | **3** µs | 1.2 (sink) | 2.50 × | ≤ 3.5 × sink | yes "
            "| ≤ 2 × sink | **no** |")
        self.assertEqual(
            results.line("row", figure(700_000.4, goal=600_000, stretch=None, is_least=True)),
            "| row | work | **700,000** µs | – | – | ≥ 600,000 µs | yes | – | – |")

    def test_summary_counts_goals_that_exist(self):
        rows = {"a": [figure(1), figure(2)], "b": [figure(3, stretch=None)]}
        self.assertEqual(results.summary(rows),
                         "met: goal: 2 of 3 figures, stretch: 1 of 2 figures")

    def test_table_has_all_rows_in_order(self):
        self.assertEqual([name for names, _ in TABLE for name in names], ROWS)

    def test_names_are_unique(self):
        names = [name for names, _ in TABLE + OLDER for name in names]
        self.assertEqual(len(names), len(set(names)))


class FootprintTest(unittest.TestCase):
    def test_connections_leave_room_below_the_limit_of_open_files_and_say_so(self):
        with mock.patch.object(resource, "getrlimit", return_value=(1024, 20_000)):
            self.assertEqual(rows_footprint.connections_max(10_000), (10_000, ""))
            count, note = rows_footprint.connections_max(20_000)
        self.assertLess(count, 20_000)
        self.assertIn("20,000 open files", note)

    def test_disk_bytes_tell_store_and_journal_apart(self):
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(os.path.join(root, "journal"))
            for name in ("1.sst", "2.blob", "3.log", "journal/4", "LOCK"):
                with open(os.path.join(root, name), "wb") as file:
                    file.write(b"x" * 5000)
            kinds = rows_footprint.disk_bytes(root)
        one = kinds["other"]
        self.assertGreaterEqual(one, 5000)
        self.assertEqual((kinds["store"], kinds["journal"]), (2 * one, 2 * one))


if __name__ == "__main__":
    unittest.main()
