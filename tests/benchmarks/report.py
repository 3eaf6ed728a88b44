"""The tables: medians, what they scatter by, and the bounds beside them."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from tests.benchmarks import deferreds, timers
from tests.benchmarks import lines as receivers
from tests.benchmarks.cases import OURS, Bound, Case
from tests.benchmarks.measuring import Sample


def lines(case: Case, taken: dict[str, list[Sample]]) -> Iterator[str]:
    """Yield the table of one case."""
    costs = {name: [sample.cost for sample in samples] for name, samples in taken.items()}
    middle = {name: median(values) * case.scale for name, values in costs.items()}
    yield f"\n{case.name}: {case.title}"
    yield f"  {'':20}{case.unit:>9}{'scatter':>9}{heading(taken)}"
    for name, samples in taken.items():
        yield f"  {name:20}{middle[name]:9.2f}{scatter(costs[name]):>9}{beside(samples)}"
    for bound in case.bounds:
        if bound.side in middle and bound.other in middle:
            yield judged(bound, middle[bound.side], middle[bound.other])


def scatter(values: list[float]) -> str:
    """Half of all rounds are within this much of the median."""
    middle = median(values)
    return f"±{median(abs(value - middle) for value in values) / middle:.1%}"


def heading(taken: dict[str, list[Sample]]) -> str:
    """Name the columns that `beside` fills."""
    sample = next((samples[0] for samples in taken.values()), Sample(0))
    return ("     rate/s" if sample.elapsed else "") + ("  load µs" if sample.load else "")


def beside(samples: list[Sample]) -> str:
    """The rate, and the CPU time of the load, where there are such figures."""
    text = ""
    if samples[0].elapsed is not None:
        text += f"{1 / median(sample.elapsed for sample in samples):11,.0f}"
    if samples[0].load is not None:
        text += f"{median(sample.load for sample in samples) * 1e6:9.2f}"
    return text


def judged(bound: Bound, cost: float, other: float) -> str:
    """A bound, the figure, and whether it is met."""
    sign, figure = ("-", cost - other) if bound.more else ("÷", cost / other)
    verdict = "met" if figure <= bound.limit else "MISSED"
    return f"  {bound.side} {sign} {bound.other} = {figure:.2f}, at most {bound.limit}: {verdict}"


#: What is measured in this process: the names for `--only`, titles and modules.
IN_THIS_PROCESS = {
    "deferred": ("what Deferreds cost", deferreds),
    "timers": ("what a Clock and its LoopingCalls cost", timers),
    "lines": ("what a line, or a string, costs its receiver", receivers),
}


def lines_of_this_process(name: str, rounds: int) -> Iterator[str]:
    """Measure what needs no server, and yield the table."""
    title, module = IN_THIS_PROCESS[name]
    yield f"\n{name}: {title}"
    yield f"  {'µs':34}{'reactorlite':>12}{'twisted':>12}{'asyncio':>12}"
    for row, seconds in module.rows(rounds):
        shown = [seconds.get(side) for side in (OURS, "twisted", "asyncio")]
        yield f"  {row:34}" + "".join(f"{s * 1e6:12.2f}" if s else f"{'':12}" for s in shown)
        for other, limit in module.TARGETS[row].items():
            yield judged(Bound(OURS, other, limit), seconds[OURS], seconds[other])
