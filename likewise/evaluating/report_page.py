"""Results as one page with plots; it needs no network and no other file."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from likewise.evaluating.report import Report, cell_of, remarks

_TEMPLATE = Path(__file__).parent / "report.html"
_COLOURS = 6  # of the template
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _EDGE = 360, 240, 52, 40, 14
_TICKS = 4
_ROW, _MODEL_ROW, _NAMES, _BARS = 10, 11, 220, 560  # of the plot of all tasks


@dataclass(frozen=True, slots=True)
class _Axis:
    """Values to places on a line."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return self.start + (self.end - self.start) * (value - self.low) / span

    @property
    def ticks(self) -> list[float]:
        return [self.low + (self.high - self.low) * i / _TICKS for i in range(_TICKS + 1)]


def page(report: Report) -> str:
    """The page as HTML."""
    parts = [
        f"<h1>Evaluation of {escape(', '.join(report.models))}</h1>",
        _table(report),
        _plots(report),
        "<h2>All tasks</h2>",
        _all_tasks(report),
        "<h2>What to know</h2>",
        "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in remarks(report)) + "</ul>",
    ]
    return _TEMPLATE.read_text(encoding="utf-8").replace("__BODY__", "\n".join(parts))


def _table(report: Report) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in ("task", "metric", *report.models))
    rows = []
    for task in report.tasks:
        metric = next((one.metric for one in report.scores if one.task == task), "")
        cells = [f"<td>{escape(task)}</td><td>{escape(metric)}</td>"]
        for model in report.models:
            comparison = report.comparison_of(model, task)
            verdict = comparison.verdict if comparison else "same"
            why = f' title="{comparison.test.difference:+.4f}, p {comparison.p_value:.4f}"' if comparison else ""
            cells.append(f'<td class="{verdict}"{why}>{escape(cell_of(report, model, task))}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def _plots(report: Report) -> str:
    """Quality against each of what a model costs."""
    measured = [(model, report.costs[model]) for model in report.models if model in report.costs]
    means = {model: mean for model in report.models if (mean := report.mean(model)) is not None}
    points = [(model, costs) for model, costs in measured if model in means]
    if not points:
        return ""
    plots: list[tuple[str, Callable[[int], float]]] = [
        ("texts a second, here", lambda i: points[i][1].texts_per_s),
        ("memory here, MB", lambda i: points[i][1].memory_bytes / 1e6),
        ("dimensions", lambda i: float(points[i][1].dimension)),
    ]
    drawn = []
    for what, value in plots:
        values = [value(i) for i in range(len(points))]
        if any(values):  # a system that does not count memory gives 0
            places = [(model, x, means[model]) for (model, _), x in zip(points, values, strict=True)]
            drawn.append(_scatter(what, places, [report.models.index(model) for model, _ in points]))
    title = f"Mean of {len(report.shared_tasks)} tasks against costs, measured on this machine"
    return f'<h2>{title}</h2><div class="plots">{"".join(drawn)}</div>'


def _scatter(what: str, points: Sequence[tuple[str, float, float]], colours: Sequence[int]) -> str:
    """Points with their names: x is the cost, y the quality."""
    across = _Axis(0.0, _round_above(1.05 * max(x for _, x, _ in points)), _LEFT, _WIDTH - _EDGE)
    scores = [y for *_, y in points]
    slack = 0.15 * (max(scores) - min(scores)) or 0.05
    up = _Axis(min(scores) - slack, max(scores) + slack, _HEIGHT - _BOTTOM, _EDGE)
    parts = [_line(across.start, up.start, across.end, up.start), _line(across.start, up.start, across.start, up.end)]
    parts += [_text(across.place(x), up.start + 16, f"{x:,.0f}", "middle") for x in across.ticks]
    parts += [_text(across.start - 6, up.place(y) + 4, f"{y:.4f}", "end") for y in up.ticks]
    parts.append(_text((across.start + across.end) / 2, _HEIGHT - 6, what, "middle"))
    for (name, x, y), colour in zip(points, colours, strict=True):
        beyond = across.place(x) > (across.start + across.end) / 2  # then the name goes to the left
        at = across.place(x) + (-9 if beyond else 9)
        tip = f"<title>{escape(name)}: {x:,.1f} {escape(what)}, mean {y:.4f}</title>"
        at_point = f'cx="{across.place(x):.1f}" cy="{up.place(y):.1f}"'
        parts.append(f'<circle class="m{colour % _COLOURS}" {at_point} r="5">{tip}</circle>')
        parts.append(_text(at, up.place(y) - 8, name, "end" if beyond else "start", name="name"))
    return _figure(f"mean score against {what}", _WIDTH, _HEIGHT, parts)


def _round_above(value: float) -> float:
    """The least round number that is not below."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if value <= step * power)


def _all_tasks(report: Report) -> str:
    """Every score with its interval."""
    if not report.scores:
        return "<p>There is no score.</p>"
    ends = [end for one in report.scores for end in one.interval]
    across = _Axis(min(0.0, *ends), max(1.0, *ends), _NAMES, _NAMES + _BARS)
    parts, y = [], 2.0 * _ROW
    for task in report.tasks:
        parts.append(_text(_NAMES - 10, y + 4 + (len(report.models) - 1) * _MODEL_ROW / 2, task, "end", name="name"))
        for number, model in enumerate(report.models):
            score = report.score_of(model, task)
            if score is not None:
                colour = f"m{number % _COLOURS}"
                low, high = (across.place(end) for end in score.interval)
                tip = f"<title>{escape(f'{model}, {task}, {score.metric}: {cell_of(report, model, task)}')}</title>"
                parts.append(
                    f'<g class="{colour}">{tip}<line x1="{low:.1f}" y1="{y:.1f}" x2="{high:.1f}" y2="{y:.1f}" '
                    f'stroke-width="2"/><circle cx="{across.place(score.score):.1f}" cy="{y:.1f}" r="3.5"/></g>'
                )
            y += _MODEL_ROW
        y += _ROW
    parts.append(_line(across.start, y, across.end, y))
    parts += [_text(across.place(tick), y + 16, f"{tick:.2f}", "middle") for tick in across.ticks]
    legend = "".join(
        f'<circle class="m{i % _COLOURS}" cx="{_NAMES + 8}" cy="{y + 36 + 16 * i:.1f}" r="4"/>'
        + _text(_NAMES + 20, y + 40 + 16 * i, model, "start")
        for i, model in enumerate(report.models)
    )
    width, height = _NAMES + _BARS + 30, y + 40 + 16 * len(report.models)
    return _figure("every score with its interval", width, height, [*parts, legend])


def _figure(label: str, width: float, height: float, parts: Sequence[str]) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return f'<figure><svg role="img" aria-label="{escape(label)}" {size}>{"".join(parts)}</svg></figure>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="axis" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, *, name: str = "") -> str:
    return f'<text class="{name}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
