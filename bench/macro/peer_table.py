"""The tables of bench/macro/peers, in Markdown."""


def _row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _head(*cells):
    return [_row(*cells), "|" + "---|" * len(cells)]


def _reference_us(outcomes):
    """Cpu per event of telemetryd by the name of its way."""
    return {load.way.what: load.cpu_us for load in outcomes[0].loads}


def ingest(outcomes):
    """What each way costs, and how much more that is than telemetryd's nearest way."""
    lines = _head("peer", "work", "server µs cpu per event", "× telemetryd", "compared with",
                  "events/s", "durable before the answer")
    ours = _reference_us(outcomes)
    for outcome in outcomes:
        name, durable = outcome.peer.name, outcome.peer.durable
        for load in outcome.loads:
            ratio = load.cpu_us / ours[load.way.reference]
            lines.append(_row(name, load.way.what, f"**{load.cpu_us:.3g}**", f"{ratio:.2g}",
                              load.way.reference, f"{load.events_per_s:,.0f}", durable))
        if outcome.problem:
            lines.append(_row(name, "**failed:** " + outcome.problem.replace("|", "/"),
                              "–", "–", "–", "–", durable))
    return lines


def _answer(answer, reason):
    if answer is not None:
        return f"{answer.ms:.3g}"
    return f"no: {reason}" if reason else "–"


def _count(number):
    return "–" if number is None else f"{number:,}"


def reads_and_kill(outcomes):
    """Questions that one query answers, and what a kill -9 in mid-load cost."""
    lines = _head("peer", "latest state of all robots, ms", "distance of a range of one robot, ms",
                  "kill -9: acknowledged", "found", "lost")
    for outcome in outcomes:
        peer, found = outcome.peer, outcome.found
        lost = None if found is None else outcome.acknowledged - found
        lines.append(_row(peer.name, _answer(outcome.latest, peer.no_latest),
                          _answer(outcome.distance, peer.no_distance),
                          _count(outcome.acknowledged), _count(found),
                          "–" if lost is None else
                          f"**{lost:,}** ({100 * lost / outcome.acknowledged:.3g} %)"))
    return lines


def lacks(outcomes):
    """What each peer lacks for this work."""
    lines = []
    for outcome in outcomes[1:]:
        lines.append(f"- **{outcome.peer.name}**")
        lines += [f"  - {text}" for text in outcome.peer.lacks]
    return lines


def summary(outcomes):
    """All that a reader wants first."""
    return "\n".join([*ingest(outcomes), "", *reads_and_kill(outcomes), "",
                      "What they lack for this work:", "", *lacks(outcomes)])


def page(outcomes, facts, commands, today, seconds):
    """The page for bench/results."""
    lines = [f"# Peers, {today}", ""]
    lines += [f"- {name}: {value}" for name, value in facts]
    lines += [f"- whole run: {seconds:.0f} s", "",
              "Cpu is user and system time of the server's process tree from the first event until "
              "it rests. Lost are acknowledged events that the server does not have after a kill "
              "-9 of its process and a start on the same data; the machine stays up, so what the "
              "kernel had taken is safe. `others_cores` is what other processes took of the "
              "machine during a load: it slows events/s down, and cpu per event much less.", "", summary(outcomes)]
    for outcome in outcomes:
        lines += ["", f"## {outcome.peer.name}", ""]
        for load in outcome.loads:
            lines.append(f"- {load.way.what}")
            lines += [f"  - {key}: {value}" for key, value in load.notes.items()]
    return "\n".join([*lines, "", "## Commands", "", "```", *commands, "```", ""])
