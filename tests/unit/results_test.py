#!/usr/bin/env python3
"""Checks how ./test counts: nothing that failed, or did not run, may pass as a success.

usage: results_test.py SOURCE_DIR
"""
import contextlib
import io
import os
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE_DIR = os.path.abspath(sys.argv.pop(1))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SOURCE_DIR, "tests/support"))

import results  # noqa: E402

PASSED = '<testcase classname="A" name="ok"/>'
FAILED = '<testcase classname="A" name="red"><failure>why</failure></testcase>'
SKIPPED = '<testcase classname="A" name="left out"><skipped message="no server"/></testcase>'


class ResultsTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        results.RESULTS = Path(self.directory.name) / "results.jsonl"
        results.start()

    def report(self, *cases):
        path = Path(self.directory.name) / "report.xml"
        path.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
        return str(path)

    def total(self):
        """(exit status, what is printed)"""
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = results.total()
        return status, said.getvalue()

    def test_all_passed(self):
        results.junit("asan", self.report(PASSED, PASSED), 0)
        results.command("format", 0)
        self.assertEqual(self.total(), (0, "3 passed, 0 failed\n"))

    def test_a_failed_test_is_named_with_its_output(self):
        results.junit("asan", self.report(PASSED, FAILED), 8)
        status, said = self.total()
        self.assertEqual(status, 1)
        self.assertIn("A red failure\nwhy\n", said)
        self.assertIn("failed: 1 in asan\n1 passed, 1 failed\n", said)

    def test_a_skipped_test_counts_as_failed(self):
        results.junit("e2e", self.report(PASSED, SKIPPED), 0)
        status, said = self.total()
        self.assertEqual(status, 1)
        self.assertIn("A left out skipped\nno server\n", said)

    def test_a_runner_that_failed_without_a_failed_test_counts_as_failed(self):
        results.junit("asan", self.report(PASSED), 1)
        self.assertTrue(self.total()[1].endswith("1 passed, 1 failed\n"))

    def test_no_report_half_a_report_and_an_empty_one_count_as_failed(self):
        half = self.report(PASSED)
        Path(half).write_text("<testsuites><testsuite>")
        results.junit("a", half + ".none", 0)
        results.junit("b", half, 0)
        results.junit("c", self.report(), 0)
        self.assertTrue(self.total()[1].endswith("0 passed, 3 failed\n"))

    def test_a_command_that_failed_and_a_run_without_tests_are_no_success(self):
        self.assertEqual(self.total(), (1, "0 passed, 0 failed\n"))
        results.command("format", 2)
        self.assertTrue(self.total()[1].endswith("0 passed, 1 failed\n"))

    def test_results_of_the_last_run_are_forgotten(self):
        results.add("fuzz", 0, 5)
        results.start()
        results.add("fuzz", 6, 0)
        self.assertEqual(self.total(), (0, "6 passed, 0 failed\n"))


if __name__ == "__main__":
    unittest.main()
