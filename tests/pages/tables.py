"""Tables in pages of the documentation: reading them, and writing one anew."""

from __future__ import annotations

import re


def section(page: str, title: str) -> str:
    """Return what stands below a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, f"the page has no section '{title}'"
    return found[1]


def rows(page: str, title: str) -> list[list[str]]:
    """Return the cells of each row of the tables in a section, without their heads."""
    lines = [line for line in section(page, title).splitlines() if line.startswith("|")]
    rules = {k for k, line in enumerate(lines) if set(line) <= set("|- ")}
    heads = rules | {k - 1 for k in rules}
    return [
        [cell.strip() for cell in line.strip("|").split(" |")]
        for k, line in enumerate(lines)
        if k not in heads
    ]


def with_table(page: str, title: str, table: str) -> str:
    """Return a page with another table at the end of a section that ends in one."""
    old = section(page, title)
    head = old[: old.index("\n|") + 1]
    return page.replace(old, f"{head}{table}\n" + "\n" * old.endswith("\n\n"))


def code(cell: str) -> list[str]:
    """Return what stands in backquotes."""
    return re.findall(r"`([^`]+)`", cell)
