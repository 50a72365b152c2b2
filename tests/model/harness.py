"""Runs models: sweeps, mutations, scenes, traces. It knows no model; `run` registers them.

A model plays random histories of the design and checks its promises at every step. It provides one
Model object:

- `history(seed, rules, is_traced)` plays one history and returns a History. The same seed and the
  same rules give the same history. A broken promise is the Violation in the result. Any other
  exception makes the history red as well, except InvalidRule.
- `rules` lists every rule that can be switched, with its value in the design. Wherever a model
  takes rules, it takes only those that differ from the design: a dict such as {"trim": "early"}.
- `configurations` are variants of the design in which no history may break a promise.
- `mutations` leave one rule out. Each must break a promise within some thousand histories. A
  mutation with `is_red=False` is harmless.
- `scenes` are scripted histories that chance hardly meets, each with its expected color.

`history` must be a function of a module, because other processes call it by its name.
"""

import ast
import collections
import dataclasses
import functools
import multiprocessing
import multiprocessing.pool
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from track import InvalidRule, Violation

Rules = Mapping[str, Any]  # by name; only those that differ from the design

COMMAND = "tests/model/run"


@dataclasses.dataclass
class History:
    """The result of a random history or of a scene."""

    violation: Violation | None = None
    trace: list[str] = dataclasses.field(default_factory=list)  # empty unless asked for
    coverage: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)


PlayHistory = Callable[[int, Rules, bool], History]  # seed, rules, is_traced


@dataclasses.dataclass(frozen=True)
class Configuration:
    """A variant of the design that must be green."""

    name: str
    rules: Rules = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Mutation:
    """The design with one rule left out, or with one harmless change."""

    name: str
    rules: Rules
    is_red: bool = True


@dataclasses.dataclass(frozen=True)
class Scene:
    """A scripted history."""

    name: str
    play: Callable[[], History]
    is_red: bool


@dataclasses.dataclass(frozen=True)
class Model:
    """What a model provides, see the head of this file."""

    name: str
    summary: str
    rules: Rules
    history: PlayHistory
    configurations: Sequence[Configuration]
    mutations: Sequence[Mutation]
    scenes: Sequence[Scene]

    def __post_init__(self) -> None:
        variants: list[Configuration | Mutation] = [*self.configurations, *self.mutations]
        for variant in variants:
            unknown = set(variant.rules) - set(self.rules)
            if unknown:
                raise InvalidRule(f"{variant.name!r} of {self.name} has unknown rules {unknown}")


@dataclasses.dataclass(frozen=True)
class Failure:
    """A red history."""

    seed: int
    kind: str  # the name of the promise, or the type of an unexpected exception
    text: str


@dataclasses.dataclass(frozen=True)
class Search:
    """The result of a search for the first red history."""

    histories: int  # number of histories played
    seconds: float
    failure: Failure | None


def sweep(model: Model, histories: int, first_seed: int, jobs: int) -> bool:
    """Divides the histories over all configurations. Returns whether all are green."""
    seeds = range(first_seed, first_seed + -(-histories // len(model.configurations)))
    is_green = True
    with _pool(jobs) as pool:
        for configuration in model.configurations:
            start = time.monotonic()
            play = functools.partial(_failure, model.history, configuration.rules)
            results = pool.imap_unordered(play, seeds, chunksize=8)
            failures = [failure for failure in results if failure]
            seconds = time.monotonic() - start
            _print_line(model, configuration.name, bool(failures), len(seeds), seconds)
            _print_failures(model, configuration.rules, failures)
            is_green = is_green and not failures
    return is_green


def try_mutations(
    model: Model, histories: int, first_seed: int, jobs: int, words: Sequence[str]
) -> bool:
    """Plays each mutation until its first red history. Returns whether all are as expected.

    `words` choose the mutations whose name contains one of them. No words choose all.
    """
    mutations = [mutation for mutation in model.mutations if _is_chosen(mutation.name, words)]
    seeds = range(first_seed, first_seed + histories)
    surprises = 0
    with _pool(jobs) as pool:
        search = functools.partial(_first_failure, model.history, seeds)
        searches = pool.imap(search, [mutation.rules for mutation in mutations])
        for mutation, found in zip(mutations, searches):
            is_red = found.failure is not None
            _print_line(model, mutation.name, is_red, found.histories, found.seconds)
            if found.failure:
                _print_failures(model, mutation.rules, [found.failure])
            surprises += _is_surprise(is_red, mutation.is_red)
    print(f"{len(mutations)} mutations of {model.name}, {surprises} surprises")
    return bool(mutations) and not surprises


def play_scenes(model: Model, words: Sequence[str] = (), is_traced: bool = False) -> bool:
    """Plays the scenes that `words` choose. Returns whether all have their expected color."""
    surprises = 0
    scenes = [scene for scene in model.scenes if _is_chosen(scene.name, words)]
    for scene in scenes:
        history = scene.play()
        is_red = history.violation is not None
        print(f"{_color(is_red)} {model.name} scene {scene.name}")
        if is_traced:
            print(*(f"      {line}" for line in history.trace), sep="\n")
        if history.violation:
            print(f"      {history.violation}")
        surprises += _is_surprise(is_red, scene.is_red)
    print(f"{len(scenes)} scenes of {model.name}, {surprises} surprises")
    return bool(scenes) and not surprises


def print_trace(model: Model, seed: int, rules: Rules, lines: int) -> bool:
    """Tells a history by its last lines. Returns whether it is green."""
    history = model.history(seed, rules, True)
    print(*history.trace[-lines:], sep="\n")
    print(f"  -> {history.violation or 'no violation'}")
    return history.violation is None


def print_coverage(model: Model, histories: int, first_seed: int, jobs: int) -> None:
    """Counts the situations that histories of the design meet."""
    total: collections.Counter[str] = collections.Counter()
    seeds = range(first_seed, first_seed + histories)
    with _pool(jobs) as pool:
        for counts in pool.imap_unordered(functools.partial(_coverage, model.history), seeds):
            total.update(counts)
    for situation, count in sorted(total.items()):
        print(f"{count:10} {situation}")


def parse_rules(model: Model, arguments: Sequence[str]) -> dict[str, Any]:
    """Reads `rule=value` arguments. Raises InvalidRule if a rule is unknown."""
    rules: dict[str, Any] = {}
    for argument in arguments:
        name, has_value, text = argument.partition("=")
        if not has_value or name not in model.rules:
            known = ", ".join(model.rules)
            raise InvalidRule(f"{argument!r} is not rule=value with one of these rules: {known}")
        try:
            rules[name] = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            rules[name] = text
    return rules


def _is_chosen(name: str, words: Sequence[str]) -> bool:
    return not words or any(word in name for word in words)


def _pool(jobs: int) -> multiprocessing.pool.Pool:
    return multiprocessing.get_context("fork").Pool(jobs)


def _failure(history: PlayHistory, rules: Rules, seed: int) -> Failure | None:
    """Plays one history in a process of the pool."""
    try:
        violation = history(seed, rules, False).violation
    except InvalidRule:
        raise
    except Exception as error:  # a fault of the model, or a mutation that makes it fall over
        return Failure(seed, type(error).__name__, repr(error))
    return Failure(seed, violation.promise.name, str(violation)) if violation else None


def _first_failure(history: PlayHistory, seeds: Sequence[int], rules: Rules) -> Search:
    """Plays histories in a process of the pool until one is red."""
    start = time.monotonic()
    for count, seed in enumerate(seeds, start=1):
        failure = _failure(history, rules, seed)
        if failure:
            return Search(count, time.monotonic() - start, failure)
    return Search(len(seeds), time.monotonic() - start, None)


def _coverage(history: PlayHistory, seed: int) -> collections.Counter[str]:
    return history(seed, {}, False).coverage


def _color(is_red: bool) -> str:
    return "RED  " if is_red else "green"


def _print_line(model: Model, name: str, is_red: bool, histories: int, seconds: float) -> None:
    color = _color(is_red)
    print(f"{color} {model.name} {name:60} {histories:6} histories {seconds:6.1f} s", flush=True)


def _print_failures(model: Model, rules: Rules, failures: Sequence[Failure]) -> None:
    """Prints the number of failures of each kind, its first seed, and how to trace that."""
    numbers = collections.Counter(failure.kind for failure in failures)
    for kind, number in sorted(numbers.items()):
        same_kind = (failure for failure in failures if failure.kind == kind)
        first = min(same_kind, key=lambda failure: failure.seed)
        arguments = [f"{name}={value}".replace(" ", "") for name, value in rules.items()]
        command = shlex.join([COMMAND, model.name, "trace", str(first.seed), *arguments])
        more = f" (first of {number})" if number > 1 else ""
        print(f"      seed {first.seed}{more}: {first.text}", f"      {command}", sep="\n")


def _is_surprise(is_red: bool, is_expected_red: bool) -> bool:
    if is_red != is_expected_red:
        print(f"      SURPRISE: expected {_color(is_expected_red).strip()}")
    return is_red != is_expected_red
