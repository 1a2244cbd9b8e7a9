"""What of a scenario is written, but could not be read: whoever names a part of it is not wrong."""

from __future__ import annotations

from dataclasses import dataclass, field

NAMED = ("assets", "venues", "markets")
"""Sections whose entries have names that other sections use."""

LISTED = ("makers", "news_takers", "flow", "arbitrage", "agents", "population", "shocks")
"""Sections that are lists: those who look at one item by item have nothing to say of one that is missing."""


@dataclass
class Missing:
    """What could not be read.

    Attributes
    ----------
    gone : set[str]
        Sections that are missing as a whole, or of which it is not known what is missing.
    damaged : set[str]
        Sections of which some part is missing.
    absent : dict[str, set[str]]
        Names of entries that are missing: others may name them.
    is_anything : bool
        Whether any section may lack something.
    """

    gone: set[str] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)
    absent: dict[str, set[str]] = field(default_factory=dict)
    is_anything: bool = False

    def __bool__(self) -> bool:
        """Tell whether anything is missing."""
        return bool(self.sections or self.is_anything)

    @property
    def sections(self) -> set[str]:
        """Return the sections of which something is missing."""
        return self.gone | self.damaged

    def lose(self, section: str, name: str = "") -> None:
        """Note that a part of a section is missing; without a name it may be any."""
        self.damaged.add(section)
        if name and section in NAMED:
            self.absent.setdefault(section, set()).add(name)
        elif section in NAMED:
            self.gone.add(section)

    def add(self, other: Missing) -> None:
        """Note what is missing elsewhere, too."""
        self.gone |= other.gone
        self.damaged |= other.damaged
        for section, names in other.absent.items():
            self.absent.setdefault(section, set()).update(names)
        self.is_anything |= other.is_anything
