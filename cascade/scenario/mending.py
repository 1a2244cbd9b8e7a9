"""What is left of a scenario without its broken values, so that the rest is still looked at.

A mistake must not hide the others. What the schema refuses is taken out as narrowly as it can be: an optional
value is left away, a misspelt word becomes the one that it resembles, else the item or entry around it goes.
The sound rest is a scenario of its own; what is then said about the very places that were mended is left unsaid.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from cascade.errors import Problem
from cascade.scenario.fields import field_at, keys_of, models_at, tagged_at
from cascade.scenario.messages import Detail, details_of, problems_of_details
from cascade.scenario.missing import LISTED, NAMED, Missing
from cascade.scenario.overrides import from_data
from cascade.scenario.schema import Scenario
from cascade.scenario.source import Node, Place, SourceText, Steps, chain_of
from cascade.scenario.words import closest

_ROUNDS = 12
"""A round takes out what the one before has left, or brought to light."""

_PLACEHOLDERS: dict[str, Any] = {
    "cascade": 1,
    "name": "broken",
    "duration": "1h",
    "assets": {"X": {"news": {"type": "constant", "price": 1}}},
    "venues": {"x": {"rulebook": "spot"}},
    "markets": {"x:X": {"type": "spot", "asset": "X", "tick": 1, "lot": 1}},
}


@dataclass(kw_only=True)
class Mended(Missing):
    """A scenario's tree without its broken values, and what is missing of it: that could not be read, or was taken out.

    Attributes
    ----------
    problems : list[Problem]
        What came to light once the first mistakes were out of the way.
    """

    root: Node
    problems: list[Problem] = field(default_factory=list)
    _lost: set[tuple[int, str]] = field(default_factory=set)
    _around: set[int] = field(default_factory=set)
    _removed: list[Node] = field(default_factory=list)  # kept, so that no other node takes its identity

    def has_removed(self, node: Node) -> bool:
        """Tell whether a node was taken out."""
        return any(node is each for each in self._removed)

    def is_about_mended(self, steps: Steps) -> bool:
        """Tell whether a path leads to or below a value that was mended, or exactly to what holds one."""
        nodes = chain_of(self.root, steps)
        if any((id(node), str(step)) in self._lost for node, step in zip(nodes, steps, strict=False)):
            return True
        return len(nodes) == len(steps) + 1 and id(nodes[-1]) in self._around

    def disown(self, nodes: list[Node], steps: Steps, *, is_missed: bool = True) -> None:
        """Note that the value at a path is not the user's any more; `nodes` lead to it from the root.

        Where it is missed, those that hold it are incomplete.
        """
        self.damaged.add(str(steps[0]))
        self._lost.add((id(nodes[len(steps) - 1]), str(steps[-1])))
        self._around.update(id(node) for node in nodes[: len(steps)] if is_missed)

    def remove(self, nodes: list[Node], steps: Steps, *, is_missed: bool = True) -> None:
        """Take out the value at a path."""
        above, node = nodes[len(steps) - 1], nodes[len(steps)]
        self._removed.append(node)
        if above.items is not None:  # another item takes its number
            above.value = [item for item in above.items if item is not node]
            self.damaged.add(str(steps[0]))
            self._around.update(id(each) for each in nodes[: len(steps)] if is_missed)
        elif above.mapping is not None:
            above.mapping.pop(str(steps[-1]), None)
            self.disown(nodes, steps, is_missed=is_missed)
        if len(steps) == 1:
            self.gone.add(str(steps[0]))
        elif len(steps) == 2 and steps[0] in NAMED:
            self.absent.setdefault(str(steps[0]), set()).add(str(steps[-1]))


def mended_of(root: Node, missing: Missing) -> Mended:
    """Return a copy of a tree, of which something may be missing, to be mended."""
    mended = Mended(root=root.copy())
    mended.add(missing)
    mended.root.number_items()
    return mended


def mend(root: Node, error: ValidationError, missing: Missing) -> tuple[Scenario | None, Mended]:
    """Return the scenario that is left without what an error is about; None where nothing is."""
    mended = mended_of(root, missing)
    details = details_of(error, Scenario, mended.root)
    for section in mended.gone & mended.root.value.keys():
        mended.remove([mended.root, mended.root.value[section]], (section,))
    for _ in range(_ROUNDS):
        data = mended.root.plain()
        chains = [chain_of(mended.root, detail.steps) for detail in details]
        for detail, nodes in zip(details, chains, strict=True):
            if not any(mended.has_removed(node) for node in nodes):
                _cut(mended, data, detail, nodes)
        _fill(mended)
        try:
            return Scenario.model_validate(mended.root.plain()), mended
        except ValidationError as next_error:
            details = details_of(next_error, Scenario, mended.root)
        new = [detail for detail in details if not mended.is_about_mended(detail.steps)]
        mended.problems += problems_of_details(new)
    return None, mended


def _fill(mended: Mended) -> None:
    """Put stand-ins where a section is missing that every scenario has, or all of its entries were broken.

    Of the latter it is known what there is, so that checks that go entry by entry still make sense.
    """
    nowhere = Place(SourceText("", (), Path.cwd()), 0, 0)
    sections = mended.root.mapping or {}
    for section, value in _PLACEHOLDERS.items():
        known = sections.get(section)
        is_emptied = section in mended.absent and known is not None and not known.value
        if known is None or is_emptied:
            sections[section] = from_data(value, nowhere)
        if known is None:
            mended.gone.add(section)
        elif is_emptied:
            for name in value:
                mended.disown(chain_of(mended.root, (section, name)), (section, name))


def _cut(mended: Mended, data: Any, detail: Detail, nodes: list[Node]) -> None:
    """Mend what a detail is about, or take out as little as makes the rest sound; `nodes` lead to it."""
    steps = detail.steps[: len(nodes) - 1]
    if not steps:
        return
    if detail.kind == "extra_forbidden":
        _without_key(mended, data, steps, nodes)
        return
    is_tag = detail.kind in ("union_tag_invalid", "union_tag_not_found")
    is_word = detail.kind == "literal_error"
    is_mended = (is_tag and _retyped(mended, data, steps, nodes)) or (
        is_word and _reworded(mended, steps, nodes, _choices(data, steps))
    )
    if not is_mended:
        _remove(mended, data, steps, nodes)


def _without_key(mended: Mended, data: Any, steps: Steps, nodes: list[Node]) -> None:
    """Give a key that is not known the name that it resembles, or take it out."""
    entries, key = nodes[-2].mapping, str(steps[-1])
    known = {name for model in models_at(Scenario, steps[:-1], data) for name in keys_of(model)}
    guess = closest(key, sorted(known - set(entries or ())))
    if entries is None or guess is None:
        mended.remove(nodes, steps, is_missed=False)
    else:
        entries[guess] = entries.pop(key)
        mended.damaged.add(str(steps[0]))


def _reworded(mended: Mended, steps: Steps, nodes: list[Node], choices: list[str]) -> bool:
    """Replace a word that is not possible by the one that it resembles, if there is one."""
    word = nodes[-1].value
    guess = closest(word, choices) if isinstance(word, str) and word not in choices else None
    if guess is None:
        return False
    nodes[-1].value = guess
    mended.disown(nodes, steps)
    return True


def _retyped(mended: Mended, data: Any, steps: Steps, nodes: list[Node]) -> bool:
    """Give an item the type that its word resembles, else the one that its other keys are those of.

    Keys that the latter lacks are not missed: it may be another that was meant.
    """
    entries, tagged = nodes[-1].mapping, tagged_at(Scenario, steps, data)
    if entries is None:
        return False
    tag = entries.get("type")
    if tag is not None and _reworded(mended, (*steps, "type"), [*nodes, tag], list(tagged)):
        return True
    fitting = {name: len(keys_of(model).keys() & entries.keys()) for name, model in tagged.items()}
    best = max(fitting, key=lambda name: (fitting[name], -len(keys_of(tagged[name]))), default="")
    if fitting.get(best, 0) < 2:
        return False
    entries["type"] = Node(best, nodes[-1].place)
    for key in ("type", *(keys_of(tagged[best]).keys() - entries.keys())):
        mended.disown(nodes, (*steps, key))
    return True


def _choices(data: Any, steps: Steps) -> list[str]:
    info = field_at(Scenario, steps, data)
    words = get_args(info.annotation) if info is not None and get_origin(info.annotation) is Literal else ()
    return [word for word in words if isinstance(word, str)]


def _remove(mended: Mended, data: Any, steps: Steps, nodes: list[Node]) -> None:
    """Take out the optional value around a broken one; else the item of a list; else the entry or section.

    A word that may mean anything is not left away: what else is said of its item depends on it.
    """
    item: Steps = ()
    for n in range(len(steps), 0, -1):
        path = steps[:n]
        if n == 1 or (n == 2 and path[0] in (*NAMED, *LISTED)):
            mended.remove(nodes, item or path)
            return
        if isinstance(path[-1], int):
            item = item or (path if len(nodes[n - 1].items or ()) > 1 else ())
            continue
        info = field_at(Scenario, path, data)
        if info is not None and not info.is_required() and get_origin(info.annotation) is not Literal:
            mended.remove(nodes, path)
            return
