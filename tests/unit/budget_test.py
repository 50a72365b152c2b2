#!/usr/bin/env python3
"""Checks that bench/macro/budget finds the part of the work that a sample belongs to.

usage: budget_test.py SOURCE_DIR
"""
import os
import sys
import unittest

SOURCE_DIR = os.path.abspath(sys.argv.pop(1))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SOURCE_DIR, "bench/macro"))

import budget_groups  # noqa: E402
from budget_groups import GROUPS, group_of, read_samples, sum_up  # noqa: E402

SERVER, KERNEL = "telemetryd", "kernel"

# As `perf script` prints it; the second thread is told from the third by what it ran.
SCRIPT = """\
telemetryd 11
\tffffffff82035c24 tcp_v4_rcv ([kernel.kallsyms])
\tffffffff81e314b0 __x64_sys_sendto ([kernel.kallsyms])
\t00007f0000001000 __send (/usr/lib/x86_64-linux-gnu/libc.so.6)

caf.actor 12
\t0000000000001000 telemetry::detail::file_journal::append (/build/release/telemetryd)

caf.actor 12
\t0000000000001000 operator new(unsigned long) (/usr/lib/libstdc++.so.6)

caf.actor 13
\t0000000000001000 telemetry::detail::(anonymous namespace)::put_bits (/build/release/telemetryd)

caf.actor 13
\t0000000000001000 telemetry::detail::event_block_encoder::encode (/build/release/telemetryd)

rocksdb:low 14
\t0000000000001000 [unknown] (/usr/lib/x86_64-linux-gnu/librocksdb.so.7.8.3)

telemetryd 11
\t0000000000001000 nobody_knows_me (/build/release/telemetryd)

telemetryd 11

"""


class BudgetTest(unittest.TestCase):
    def test_samples_are_summed_by_thread_and_symbol_and_none_is_lost(self):
        groups, threads, unknown = sum_up(read_samples(SCRIPT.splitlines(keepends=True)))
        self.assertEqual(dict(groups), {
            "sockets, kernel": 1, "journal": 1, "memory, shards and journal": 1, "checkpoint": 2,
            "flush and compaction": 1, "other": 1})
        self.assertEqual(threads["journal writer"], 2)
        self.assertEqual(threads["checkpointer"], 2)
        self.assertEqual([symbol for _, symbol, _ in unknown], ["nobody_knows_me"])

    def test_waiting_inside_a_call_is_a_switch_and_not_the_call(self):
        waiting = (("finish_task_switch.isra.0", KERNEL), ("schedule", KERNEL))
        self.assertEqual(group_of("io", (*waiting, ("__x64_sys_epoll_wait", KERNEL))),
                         "switches and wake-ups")
        self.assertEqual(group_of("journal writer", (*waiting, ("__x64_sys_fdatasync", KERNEL))),
                         "switches and wake-ups")

    def test_entry_of_a_system_call_belongs_to_its_caller(self):
        self.assertEqual(group_of("io", (("do_syscall_64", KERNEL), ("__libc_recv", "libc.so.6"))),
                         "sockets, kernel")

    def test_a_hash_is_a_name_on_io_threads_and_a_checksum_elsewhere(self):
        hashing = (("XXH3_64bits_withSeed", SERVER),)
        self.assertEqual(group_of("io", hashing), "encode and hash")
        self.assertEqual(group_of("journal writer", hashing), "journal")

    def test_every_group_of_a_pattern_is_a_row_of_the_table(self):
        rows = [name for name, _ in GROUPS]
        patterns = [*budget_groups._KERNEL, *budget_groups._PROGRAM]
        named = {group for group, _ in patterns} | set(budget_groups._BY_ROLE.values())
        self.assertEqual(named - {"memory"} - set(rows), set())
        self.assertEqual(len(rows), len(set(rows)))


if __name__ == "__main__":
    unittest.main()
