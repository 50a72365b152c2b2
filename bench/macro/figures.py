"""One measured number of the speed table, and whether it meets its goals."""
import statistics
from dataclasses import dataclass, field, replace


@dataclass
class Figure:
    """One number, in one run; with what a reference took for the same work, where there is one."""

    what: str
    value: float
    unit: str
    goal: float
    stretch: float | None
    data: str
    notes: dict = field(default_factory=dict)
    is_least: bool = False  # goals are lower bounds
    reference: float | None = None  # in the same unit
    reference_name: str = "sink"
    is_ratio: bool = False  # goals are multiples of the reference

    def __post_init__(self):
        assert not self.is_ratio or self.reference, f"{self.what}: a ratio to nothing"

    @property
    def ratio(self):
        """To the reference, or None."""
        return self.value / self.reference if self.reference else None

    def meets(self, bound):
        """Whether the value, or its ratio, keeps within a goal; None without one."""
        if bound is None:
            return None
        judged = self.ratio if self.is_ratio else self.value
        return judged >= bound if self.is_least else judged <= bound

    def bound_text(self, bound):
        """A goal in words: `≤ 1.5 µs`, `≥ 0.5 × bare Beast`."""
        if bound is None:
            return "–"
        unit = f"× {self.reference_name}" if self.is_ratio else self.unit
        number = f"{bound:,.0f}" if bound >= 1000 else f"{bound:g}"
        return f"{'≥' if self.is_least else '≤'} {number} {unit}"


def median_of(runs):
    """The repetitions of one figure as one: medians, and the details of the run nearest to it."""
    value = statistics.median(run.value for run in runs)
    nearest = min(runs, key=lambda run: abs(run.value - value))
    references = [run.reference for run in runs if run.reference is not None]
    notes = dict(nearest.notes)
    if len(runs) > 1:
        notes["runs"] = " ".join(f"{run.value:.4g}" for run in runs)
    return replace(nearest, value=value, notes=notes,
                   reference=statistics.median(references) if references else None)
