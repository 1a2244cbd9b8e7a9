"""Figures of who bore the losses."""

from __future__ import annotations

from cascade.report.builders.losses import LAYERS, Fairness, fairness, waterfall
from cascade.report.builders.study import Study
from cascade.report.builders.table import Ref, Said, Table, filled, join, said, with_interval
from cascade.report.figures.captions import WHISKERS, count
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, Bar, FigureSpec, Line, Panel


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
        title=_losses_title(study, item),
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


def _losses_title(study: Study, item: Table) -> Said:
    """Return who bore what, in the first run: it has the first rows, one for each layer."""
    words = {
        "fund": "funds took {x} over",
        "holding": "funds lost {x} on what they held",
        "adl": "those auto-deleveraged bore {x}",
        "bad_debt": "nobody bore {x}",
    }
    refs = {key: Ref(item, row, "median") for row, (key, _) in enumerate(LAYERS)}
    parts = [filled(text, with_interval(refs[key])) for key, text in words.items() if refs[key].value]
    of = f"{study.first.label}: " if study.is_comparison else ""
    if not parts:
        return said(f"{of}liquidated accounts bore all losses themselves")
    if study.is_comparison:
        return join([said(of), join(parts, ", ")], "")
    return join([said("Of the losses,"), join(parts, ", ")])


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
            "{n} accounts a replicate gave way{of}; the Gini coefficient of their losses is {gini}",
            n=Ref(facts, 0, "accounts"), of=_of(study, facts), gini=Ref(facts, 0, "gini"),
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


def _of(study: Study, facts: Table) -> str:
    """Return which run the first row is of, where there are several."""
    return f" in {facts.value(0, 'label')}" if study.is_comparison else ""


def _haircut_title(study: Study, facts: Table) -> Said:
    median, p95 = (Ref(facts, 0, name) for name in ("median", "p95"))
    if median.value is None:
        return said(f"Nobody's position was closed{_of(study, facts)}: losses were shared in money")
    text = f"Half of them lose less than {{median}} of what they gave up{_of(study, facts)}, and 95 % less than {{p95}}"
    return said(text, median=median, p95=p95)


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
        title=_haircut_title(study, item.facts),
        table=item.haircuts,
        x=Axis("loss of an account, of what it gave up", "%"),
        x_column="haircut",
        panels=(Panel(y=Axis("accounts", "mean of replicates", is_from_zero=True), series=lines),),
        n=f"{count(study)}, accounts of all pooled",
        interval="",
        read="One narrow peak is a policy that treats all alike. The last bin holds everything above.",
        alt="Histogram of the losses of auto-deleveraged accounts.",
    )  # fmt: skip
