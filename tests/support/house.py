"""The house: which rooms there are, and which may import which."""

from __future__ import annotations

import ast
from pathlib import Path

import cascade
from cascade import names

PACKAGE = Path(cascade.__file__).parent

LAYERS = [
    {"names", "errors", "escape", "limits", "units", "compiler", "rng", "provenance", "installation"},
    {"scenario", "venues", "manual"},
    {"core"},
    {"assembly", "engine"},
    {"output", "data"},
    {"analysis", "floor", "agent", "admission", "acting"},
    {"experiment", "calibration", "calculator", "exposure", "model"},
    {"explain", "report"},
    {"diagnosis", "view"},
    {"cli"},
    {"__main__"},
]
"""A part may import those of a lower layer, which stands above it here, and of its own."""

CORE = {
    "Tables of a run": "params state start population",
    "Numbers": "exact bitmap flow rules prefetch",
    "The book": "book window inbox matching expiries halts",
    "Prices": "activity news propagator trails index marks mark_rules funding collateral",
    "Who trades": "seats agents agents/sizes agents/pairs agents/wallets agents/fund agents/shocks agents/makers "
    "agents/makers/opinion agents/makers/lean agents/makers/quoting agents/makers/withdrawal",
    "Margin tests": "margin triggers buckets margin_test",
    "Liquidation": "liquidation procedures procedures/forced_order liquidation_log lending",
    "Who bears the losses": "backstop deleveraging ranking adl_policies",
    "Money": "ledger check audit",
    "The step": "step recording",
}
"""The rooms and modules of the core by what they are about."""

ROOMS = {"procedures": names.Procedure, "agents": names.Agent, "agents/makers": names.Maker}
"""Rooms of the core with a module for each name of a rule; the map shows the room for them."""


def sources() -> list[Path]:
    """Return every module of the package; notebooks among the pages are none."""
    return sorted(path for path in PACKAGE.rglob("*.py") if not path.is_relative_to(PACKAGE / "docs"))


def part_of(path: Path) -> str:
    """Return the room, or the module beside them, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def module_of(path: Path) -> str:
    """Return the name by which a file is imported."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def summary(path: Path) -> str:
    """Return the first sentence of what a module, or a package, says of itself."""
    file = path / "__init__.py" if path.is_dir() else path
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def packages() -> list[Path]:
    """Return every folder of modules below the package."""
    return sorted(path.parent for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE)


def core_modules() -> set[str]:
    """Return rooms and modules of the core, without those that are a rule of a name."""
    core = PACKAGE / "core"
    found = {module_of(path).removeprefix("cascade.core.").replace(".", "/") for path in core.rglob("*.py")}
    rules = {f"{room}/{name}" for room, rule in ROOMS.items() for name in names.names_of(rule)}
    return found - rules - {"cascade/core"}


def same_names() -> dict[str, set[str]]:
    """Return the folders of the modules whose name more than one has."""
    found: dict[str, set[str]] = {}
    for path in sources():
        if path.stem != "__init__":
            found.setdefault(path.stem, set()).add(path.parent.relative_to(PACKAGE).as_posix())
    return {stem: folders for stem, folders in found.items() if len(folders) > 1}
