"""Figures of who bore the losses."""

from __future__ import annotations

from cascade.report.builders.headline import cell, with_interval
from cascade.report.builders.losses import Fairness, fairness, waterfall
from cascade.report.builders.study import Study
from cascade.report.builders.table import Ref, Said, Table, join, said
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, Bar, FigureSpec, Line, Panel
from cascade.report.figures.words import WHISKERS, count


@figure(
    "waterfall",
    section="losses",
    build=waterfall,
    shows="Down the waterfall: the margin that liquidated accounts had left, what slippage and fees took of it, what "
    "the insurance fund, those auto-deleveraged and nobody bore.",
    reading="A layer is touched only where those above it did not suffice.",
    needs="`liquidations`",
)
def losses(study: Study, item: Table) -> FigureSpec:
    """Draw the layers of the waterfall."""
    many = study.n > 5
    bars = tuple(
        Bar(
            y="median", name=v.label if study.is_comparison else "", color=v.color, where=("run", v.label),
            low="median_low" if many else "", high="median_high" if many else "",
        )
        for v in study.variants
    )  # fmt: skip
    return FigureSpec(
        name=item.name,
        title=_losses_title(study),
        table=item,
        x=Axis("layer", "", "category"),
        x_column="label",
        panels=(Panel(y=Axis("amount", "USD"), series=bars),),
        n=count(study),
        interval=f"bars: medians; {WHISKERS}" if many else "bars: medians" if study.n > 1 else "",
        read="From above: what liquidated accounts still had when their margin failed, what slippage and fees took of "
        "it, and who bore the rest. A layer is touched only where those above it did not suffice.",
        alt="Bars of the layers of the default waterfall.",
        is_horizontal=True,
    )


def _losses_title(study: Study) -> Said:
    layers = (
        ("Funds", "fund_draw_usd"),
        ("those auto-deleveraged", "adl_forgone_usd"),
        ("nobody", "bad_debt_usd"),
    )
    found = [(who, cell(study, name)) for who, name in layers]
    parts = [
        join([said(f"{who} bore"), with_interval(ref)]) for who, ref in found if ref is not None and ref.value
    ]
    of = f"{study.first.label}: " if study.is_comparison else ""
    if not parts:
        return said(f"{of}Liquidated accounts bore all losses themselves")
    return join([said(of), join(parts, ", ")], "")


@figure(
    "adl_lorenz",
    section="fairness",
    build=fairness,
    shows="How unequally auto-deleveraging spread its losses over those it closed.",
    reading="On the diagonal everybody loses the same; the lower the curve, the fewer bear all.",
    needs="`adl`, and a run in which somebody was auto-deleveraged",
)
def lorenz(study: Study, item: Fairness) -> FigureSpec:
    """Draw the Lorenz curves of the runs."""
    lines = [
        Line(y=f"v{v.number}", name=v.label if study.is_comparison else "losses", color=v.color)
        for v in study.variants
        if f"v{v.number}" in item.lorenz
    ]
    even = Line(y="share", name="all lose the same", color="total", dash="dot")
    facts = item.facts
    return FigureSpec(
        name=item.lorenz.name,
        title=said(
            "Auto-deleveraging closed {n} accounts a replicate; the Gini coefficient of their losses is {gini}",
            n=Ref(facts, 0, "accounts"), gini=Ref(facts, 0, "gini"),
        ),
        table=item.lorenz,
        x=Axis("share of the accounts, from the least hurt", "%"),
        x_column="share",
        panels=(Panel(y=Axis("share of the losses", "%"), series=(*lines, even), height=1.4),),
        n=f"{count(study)}, accounts of all pooled",
        interval="",
        read="On the diagonal everybody loses the same; the lower the curve, the fewer bear all.",
        alt="Lorenz curve of the losses of auto-deleveraged accounts.",
    )  # fmt: skip


@figure(
    "adl_haircuts",
    section="fairness",
    build=fairness,
    shows="What auto-deleveraged accounts lost against closing at mark, as a share of what they gave up.",
    reading="One narrow peak is a policy that treats all alike.",
    needs="`adl`, and a run in which somebody was auto-deleveraged",
)
def haircuts(study: Study, item: Fairness) -> FigureSpec:
    """Draw the distribution of losses."""
    lines = tuple(
        Line(y=f"v{v.number}", name=v.label if study.is_comparison else "", color=v.color, step=True)
        for v in study.variants
        if f"v{v.number}" in item.haircuts
    )
    return FigureSpec(
        name=item.haircuts.name,
        title=said(
            "Half of them lose less than {median} of what they gave up, and 95 % less than {p95}",
            median=Ref(item.facts, 0, "median"), p95=Ref(item.facts, 0, "p95"),
        ),
        table=item.haircuts,
        x=Axis("loss of an account, of what it gave up", "%"),
        x_column="haircut",
        panels=(Panel(y=Axis("accounts", "mean of replicates"), series=lines),),
        n=f"{count(study)}, accounts of all pooled",
        interval="",
        read="One narrow peak is a policy that treats all alike. The last bin holds everything above.",
        alt="Histogram of the losses of auto-deleveraged accounts.",
    )  # fmt: skip
