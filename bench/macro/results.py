"""Writes measured rows as Markdown: the table, then data, notes and commands of each row."""
import datetime
import itertools
import os

HEAD = ("| row | work | ours | sink or peer | ratio | goal | met | stretch | met |\n"
        "|---|---|---|---|---|---|---|---|---|")


def number(value):
    """Three digits that count, thousands parted; whole numbers from 1000 on."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def verdict(met):
    return {True: "yes", False: "**no**", None: "–"}[met]


def line(row, figure):
    peer = "–" if figure.reference is None else (
        f"{number(figure.reference)} ({figure.reference_name})")
    ratio = "–" if figure.ratio is None else f"{figure.ratio:.2f} ×"
    return (f"| {row} | {figure.what} | **{number(figure.value)}** {figure.unit} | {peer} "
            f"| {ratio} | {figure.bound_text(figure.goal)} | {verdict(figure.meets(figure.goal))} "
            f"| {figure.bound_text(figure.stretch)} | {verdict(figure.meets(figure.stretch))} |")


def table(measured):
    """Of all rows: `measured` maps a row's name to its figures."""
    return "\n".join([HEAD, *(line(row, figure) for row, figures in measured.items()
                              for figure in figures)])


def summary(measured):
    """How many goals are met."""
    figures = [figure for row in measured.values() for figure in row]
    counts = []
    for name in ("goal", "stretch"):
        met = [verdict for figure in figures
               if (verdict := figure.meets(getattr(figure, name))) is not None]
        counts.append(f"{name}: {sum(met)} of {len(met)} figures")
    return "met: " + ", ".join(counts)


def details(name, figures, commands):
    """Data, other figures and exact commands of one row."""
    lines = [f"\n## {name}\n"]
    for figure in figures:
        lines.append(f"- {figure.what}. {figure.data}")
        lines.extend(f"  - {key}: {value}" for key, value in figure.notes.items())
    lines += [f"\n`bench/macro/run --row {name}` repeats it. Commands, with those of rows that "
              "were measured together with it:\n", "```", *commands, "```"]
    return "\n".join(lines) + "\n"


def path_of(directory, name):
    """Where results go: a file of today that does not exist yet."""
    stem = os.path.join(directory, f"{datetime.date.today().isoformat()}-{name}")
    paths = (f"{stem}{'' if run == 1 else f'-{run}'}.md" for run in itertools.count(1))
    return next(path for path in paths if not os.path.exists(path))


def write(path, measured, commands, facts, seconds):
    """All that has been measured so far. `commands` maps rows to what they ran, `seconds` groups
    of rows that were measured together to how long they took."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    spent = ", ".join(f"{name} {took:.0f} s" for name, took in seconds.items())
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"# Macro benchmark, {datetime.date.today().isoformat()}\n\n")
        out.write("".join(f"- {name}: {value}\n" for name, value in facts))
        out.write(f"- time: {sum(seconds.values()):.0f} s in all: {spent}\n\n")
        out.write(f"{table(measured)}\n\n{summary(measured)}\n")
        for name, figures in measured.items():
            out.write(details(name, figures, commands[name]))
