"""The reference pages of tables, metrics, errors, figures and facts, written from what declares them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from cascade.analysis.facts import RULES, Fact, in_order
from cascade.analysis.metrics import METRICS, EnsembleMetric, Metric
from cascade.analysis.statistics import CONFIDENCE
from cascade.errors import ExitCode
from cascade.output.schemas import DERIVED, RESULTS_VERSION, TABLES, TIME, Column, Table, columns
from cascade.report.figures import FIGURES, Entry
from cascade.report.stylised import band_text
from cascade.scenario.codes import codes

_OUTPUTS_HEAD = """# Results of a run

A run is a folder, named after the scenario and eight digits of the request (the resolved scenario, seed,
replicates and outputs), so that the same request finds its result:

```
results/<scenario>-<hash8>/
  manifest.json            written last: the run is complete if, and only if, it is there; how it ended
  scenario.yaml            the scenario as written
  scenario.resolved.yaml   with everything it extends, every override and every default
  runs.parquet             a row per replicate: outcome and every metric
  bars/ liquidations/ ...  part-*.parquet, as `outputs:` of the scenario asks
  failures.parquet         if replicates failed
  log.jsonl                what was done when: sessions, replicates, shards; by it an unfinished run is gone on with
  .parts/                  parts of `runs` and `failures`, to write these again from if they are damaged
```

A [sweep](sweep.md) is a folder of such folders:

```
results/<sweep>-<hash8>/
  manifest.json            written last; its `kind` is `sweep`: parameters, variants, outcome
  sweep.yaml               as written; sweep.resolved.yaml with every variant spelled out
  runs.parquet             a row per variant and replicate: variant, varied values, outcome, every metric
  failures.parquet         if replicates failed
  variants/<variant>/      the run of each, complete in itself
```

Tables are parquet (zstd) and need no Cascade to read; patterns such as `results/*/runs.parquet` work in pandas,
polars and duckdb. Rows of a replicate are together and in the order of time. A part holds a block of replicates
(32, or one where trades, the book or accounts are recorded) that follows from the request alone, so the files
are the same for any number of workers, and for a run that was interrupted. Every table starts with `scenario`
and `replicate`. Where rows belong to a step, `step` and `t_s` follow, and `time` if the scenario has a start.
Names end in their unit: `_usd`, `_bps`, `_s`, `_lots`, `_price` (USD per unit of the asset); unit and
description are in the metadata of each field, and of the file under the key `cascade`.

Tables of moments (`funds`, `book`) have rows at the start, every `outputs.snapshots` and at the end;
how often conservation is verified (`outputs.check_every`) changes no row of any table.

The manifest says in `outcome` how the run ended: a sentence (`text`), how many replicates finished, failed
or ended with accounts still waiting for their liquidation, and in `notes` what else to know, such as a
market shock that did not fill. The `notes` of `runs` have the details.

**What is read is what was written.** The manifest lists under `files` every file that the results are made of,
with its CRC-32, the scenario as written and as resolved among them, and carries a checksum of its own
(`checksum`); that of a sweep lists the manifests of its variants. A command reads what is listed and nothing else,
and each file only if it is the one that was written; else it names the file and what is wrong (CAS603, CAS609,
exit code 6). Other files in the folder are left alone, and `log.jsonl` is not needed to read. This finds what a
disk, a copy or an editor did. It is no signature: who writes new checksums is not found out.

A bar ends every `outputs.bars` and with the run, so that the last may be shorter and a run may be shorter than a
bar; its `step` is the last that it holds.

A run that was killed leaves no manifest. Asking for it again goes on where it stopped; `cascade.read(folder)`
refuses until it is complete, and `cascade.read(folder, partial=True)` gives the replicates that had finished.
Tables hold finished replicates only; those that failed are rows of `failures`. A new column raises the minor
version of the results (now {version}), anything else the major; a newer major is refused.
"""

_METRICS_HEAD = """# Metrics

Columns of `runs.parquet`, one row per replicate, after those that [outputs](outputs.md) lists. A metric
that has no value is null, and `notes` says why. `{{asset}}` and `{{market}}` stand for a name in lower
case, other characters than letters and digits as `_`: `public_btc_usd`, `binance_btcusdt_amplification`.

**Complete and public.** A liquidation closes lots in three ways: in the book, by the insurance fund's
take-over, and by auto-deleveraging; `liquidated_usd` is their sum. *Complete* metrics count all of it.
*Public* metrics count what the feeds of the reporting venues show: under `latest_per_second` the last
order of each venue, market and second, under `complete` every order.

**Counterfactual.** The same replicate, with every draw of luck the same, in which forced orders close
positions at mark without reaching the book; the difference is what liquidations added. Where there are
stops a second one has no stops either: its price is what came from outside, and between the two lies what
stops added ([attribution](attribution.md)). It is exact, not estimated, for the model as it is.

**Uncertainty.** Over replicates, summaries give the median and its {confidence:.0%} order-statistic
interval: from the k-th smallest to the k-th largest value, k the largest for which a binomial variable
(n, 1/2) is below k with at most {tail:.1%} probability. It assumes nothing about the distribution, and
needs at least 6 replicates. [Statistics](statistics.md) has the intervals of everything else, and how
runs are compared.

**Worse.** Where one direction harms, the metric says which; a comparison then says "worse" or "better",
else "higher" or "lower".
"""

_ENSEMBLE_HEAD = """# Metrics of the ensemble

Figures of all replicates of a run together. They are no columns: `cascade run` and `cascade compare`
compute them from `runs.parquet`, with their intervals. A probability is that of the scenario's luck:
conditional on everything the scenario fixes.
"""


_DERIVED_HEAD = """# Tables of analyses

`cascade graph RUN -o FOLDER` writes `nodes` and `edges`, `cascade attribute FILE` writes `attribution` into
the folder of its sweep; [attribution](attribution.md) says how they come about. `cascade threshold` and
`cascade frontier` write `tried` and `frontier` into that of theirs, the latter as CSV, too ([threshold](threshold.md));
`cascade contagion SCENARIO -o FOLDER` writes `contagion`, with channels `attribution` and with `--check`
`contagion_check` ([contagion](contagion.md)).
"""

_FIGURES_HEAD = """# Figures of a report

Every figure that [`cascade report` and `cascade compare`](report.md) draw, in the order of the page, and those of
[`cascade facts`](facts.md), whose names begin with `facts_`, of [a search](threshold.md) and of
[contagion](contagion.md). A figure whose data a run does not have is left out, and the page says why at its end. Each
names its n and the meaning of its intervals, and carries the table it draws as CSV.

To add one, write a function that returns a `FigureSpec` and register it:

```python fragment
@figure(
    "spread",
    section="book",
    build=spreads,
    needs="`bars`",
    shows="The spread of each market over time.",
    reading="A spread that stays wide is a book nobody trusts.",
)
def spread(study: Study, item: MarketTable) -> FigureSpec: ...
```

`build` makes tables out of the runs and draws nothing, so that its numbers can be tested; the `FigureSpec` says which of
their columns are lines, bands, bars, points or cells. Both renderers, plotly.js and matplotlib, draw any `FigureSpec`.
"""


def pages() -> dict[str, Callable[[], str]]:
    """Return what writes each page, by its name."""
    return {
        "outputs": outputs_page, "metrics": metrics_page, "errors": errors_page, "figures": figures_page,
        "stylised": stylised_page,
    }  # fmt: skip


def outputs_page() -> str:
    """Return the page that describes every table."""
    head = _OUTPUTS_HEAD.format(version=".".join(map(str, RESULTS_VERSION)))
    derived = [_DERIVED_HEAD, *(_table_section(table) for table in DERIVED.values())]
    return "\n".join([head, *(_table_section(table) for table in TABLES.values()), *derived])


def metrics_page() -> str:
    """Return the page that defines every metric."""
    head = _METRICS_HEAD.format(confidence=CONFIDENCE, tail=(1 - CONFIDENCE) / 2)
    of_replicates = [entry for entry in METRICS.values() if isinstance(entry, Metric)]
    of_ensembles = [entry for entry in METRICS.values() if isinstance(entry, EnsembleMetric)]
    return "\n".join([
        head, *map(_metric_section, of_replicates), _ENSEMBLE_HEAD, *map(_metric_section, of_ensembles)
    ])  # fmt: skip


def figures_page() -> str:
    """Return the page that lists every figure of a report."""
    return "\n".join([_FIGURES_HEAD, *map(_figure_section, FIGURES.values())])


def _figure_section(entry: Entry) -> str:
    return f"## {entry.name}\n\n{entry.shows} {entry.reading}\n\nNeeds: {entry.needs}.\n"


_FACTS_HEAD = """# Stylised facts

What [`cascade facts`](facts.md) estimates and holds against a band, one section a fact, in the order of its table. Those
with * no market may miss. A *window* is the stretch that a figure is estimated on: figures of windows become one
for each replicate, and those of replicates one in all, as the section says. Under *observed* stand the figures that the
same estimator has on real data; the tests compute them, and the bands, again from that data.
"""

_WINDOWS: Final = {"run": "all of a run", "day": "each day", "minutes": "each 341 s"}
_REDUCED: Final = {"mean": "mean", "median": "median", "pooled": "all windows taken as one"}


def stylised_page() -> str:
    """Return the page that lists every stylised fact."""
    return "\n".join([_FACTS_HEAD, *map(_fact_section, in_order())])


def _fact_section(fact: Fact) -> str:
    """Return what a fact is, and its bands."""
    title = f"{fact.title[0].upper()}{fact.title[1:]}"
    unit = f" Unit: {fact.unit}." if fact.unit != "1" else ""
    applies = f" Applies to: {fact.applies}." if fact.applies else ""
    lines = [
        f"## {fact.row}{'*' if fact.must else ''} {fact.name}", "",
        f"{title}. Estimator: {fact.estimator}.{unit} "
        f"Window: {_WINDOWS[fact.window]}; {_REDUCED[fact.reduce]}.{applies}",
        "", "| part | band | which is | source | observed |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for part in fact.parts:
        seen = "; ".join(f"{name}: {value:g}" for name, value in part.band.observed.items())
        cells = (part.label, band_text(part.band), RULES[part.band.rule], part.band.source, seen)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _table_section(table: Table) -> str:
    """Return the description of a table and its columns."""
    shown = columns(table.name, dated=table.timed)
    after = "Every [metric](metrics.md) follows as a column.\n\n" if table.name == "runs" else ""
    return f"## {table.name}\n\n{table.description}\n\n{after}{_column_table(shown)}"


def _column_table(shown: Iterable[Column]) -> str:
    """Return columns as a table in Markdown."""
    lines = ["| column | type | unit | |", "|---|---|---|---|"]
    for column in shown:
        may_be_null = ", or null" if column.nullable else ""
        kind = "timestamp[us, UTC]" if column is TIME else _KINDS[column.kind]
        lines.append(f"| `{column.name}` | {kind}{may_be_null} | {column.unit} | {column.description} |")
    return "\n".join(lines) + "\n"


_ERRORS_HEAD = """# Errors and warnings

Every message carries a code; `cascade explain CODE` prints its line of this page. Messages about a file name
the place and what to write instead. Exit codes of commands: {exits}.
"""

_GROUPS: Final = {
    "CAS0": "The file", "CAS1": "What a scenario means", "CAS2": "Rulebooks", "CAS3": "Archives", "CAS4": "Runs",
    "CAS5": "Ensembles", "CAS6": "Results", "CAS7": "Interruptions", "CAS8": "Commands", "CAS9": "Thresholds",
}  # fmt: skip


def errors_page() -> str:
    """Return the page that lists every code."""
    exits = ", ".join(f"{int(code)} {code.name.lower()}" for code in ExitCode)
    parts = [_ERRORS_HEAD.format(exits=exits)]
    for prefix, title in _GROUPS.items():
        found = [f"| {code} | {text} |" for code, text in codes().items() if code.startswith(prefix)]
        if found:
            parts.append("\n".join([f"## {title}\n", "| code | |", "|---|---|", *found]) + "\n")
    return "\n".join(parts)


_KINDS: Final = {
    "category": "category",
    "text": "text",
    "int32": "int32",
    "int64": "int64",
    "float": "float64",
    "time": "timestamp[us, UTC]",
}


_WORSE: Final = {"up": " More is worse.", "down": " Less is worse.", None: ""}


def _metric_section(metric: Metric | EnsembleMetric) -> str:
    """Return the definition of a metric."""
    twin = " It needs the counterfactual." if isinstance(metric, Metric) and metric.needs_twin else ""
    worse = _WORSE[metric.worse]
    unit = f" Unit: {metric.unit}." if metric.unit not in {"", "1"} else ""
    definition = metric.definition[0].upper() + metric.definition[1:]
    return f"## {metric.name}\n\n{definition}.{unit}{twin} Formula: {metric.formula}.{worse}\n"
