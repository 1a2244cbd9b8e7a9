"""Validation errors in the user's words: located, with the keys and units that are possible."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from pydantic import BaseModel, ValidationError

from cascade.errors import Problem
from cascade.scenario.fields import example_of, field_at, keys_of, models_at, places_of, tags_of
from cascade.scenario.source import Node, Step, Steps, dotted, follow
from cascade.scenario.words import closest, did_you_mean, listing
from cascade.units import kind_of, quoted

UNKNOWN_KEY, MISSING_KEY, WRONG_KIND, OUT_OF_RANGE, UNKNOWN_TYPE, OTHER = (
    "CAS010",
    "CAS011",
    "CAS012",
    "CAS014",
    "CAS015",
    "CAS017",
)


class Detail(NamedTuple):
    """One thing that a failed validation complains of: its kind, its path, and how to tell the user."""

    kind: str
    steps: Steps
    problem: Problem


def problems_of(error: ValidationError, model: type[BaseModel], root: Node) -> list[Problem]:
    """Return the problems of a failed validation, located in the tree that was validated."""
    return problems_of_details(details_of(error, model, root))


def details_of(error: ValidationError, model: type[BaseModel], root: Node) -> list[Detail]:
    """Return what a failed validation complains of, located in the tree that was validated."""
    data = root.plain()
    found: list[Detail] = []
    for detail in error.errors(include_url=False):
        for each in _spread(cast("Mapping[str, Any]", detail)):
            translator = _Translator(model, root, data, each)
            kind, steps = translator.kind, translator.steps
            found.append(Detail(kind, steps, translator.problem()))
    return found


def problems_of_details(details: Iterable[Detail]) -> list[Problem]:
    """Return the problems of details, each thing told once."""
    found: dict[tuple[Any, ...], Problem] = {}
    for detail in details:
        problem = detail.problem
        key = (problem.code, problem.file, problem.line, problem.column, problem.message)
        found.setdefault(key, problem)
    return _without_echoes(list(found.values()))


def _spread(detail: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield an error and those it stands for."""
    yield detail
    for other in (detail.get("ctx") or {}).get("others", ()):
        yield {**detail, "ctx": other}


def _without_echoes(problems: list[Problem]) -> list[Problem]:
    """Drop the complaints of a union's other members where one member explains the value."""
    best: dict[str, Problem] = {}
    for problem in problems:
        key = f"{problem.where}"
        known = best.get(key)
        if known is None or (known.code == WRONG_KIND and problem.code != WRONG_KIND):
            best[key] = problem
    paths = [problem.path for problem in problems]
    echoes = {p.path for p in problems if p.code == WRONG_KIND and _has_below(p.path, paths)}
    kept = {id(p) for p in best.values() if not (p.code == WRONG_KIND and p.path in echoes)}
    by_place = {p.where for p in problems if p.code in (MISSING_KEY, UNKNOWN_KEY)}
    return [p for p in problems if id(p) in kept or p.where in by_place]


def _has_below(path: str, paths: Iterable[str]) -> bool:
    return any(other.startswith(f"{path}.") for other in paths)


class _Translator:
    """One detail of a validation error, and what is needed to explain it."""

    def __init__(self, model: type[BaseModel], root: Node, data: Any, detail: Mapping[str, Any]) -> None:
        self.model, self.root, self.data = model, root, data
        self.kind: str = detail["type"]
        self.context: Mapping[str, Any] = detail.get("ctx") or {}
        self.input: Any = detail["input"]
        self.text: str = detail["msg"]
        location: tuple[Step, ...] = (*detail["loc"], *self.context.get("path", ()))
        self.last = location[-1] if location else ""
        is_key = bool(location) and location[-1] == "[key]"
        self.on_key = is_key or bool(self.context.get("on_key"))
        self.steps = self._real(location[:-1] if is_key else location)
        node, taken = follow(root, self.steps)
        if taken == self.steps and node.mapping is None and node.items is None and not self.on_key:
            self.input = node.value  # as it was written, not as it was converted

    def _real(self, location: Steps) -> Steps:
        _, taken = follow(self.root, location)
        if self.kind in ("missing", "extra_forbidden") and (not taken or taken[-1] != self.last):
            return (*taken, self.last)
        return taken

    def problem(self) -> Problem:
        """Return the located problem."""
        code, message, hint = self._explain()
        node, taken = follow(self.root, self.steps)
        on_key = self.on_key or self.kind == "extra_forbidden" or taken != self.steps
        place = node.key_place if on_key and node.key_place else node.place
        return place.problem(code, message, hint, path=dotted(self.root, self.steps))

    def _explain(self) -> tuple[str, str, str]:
        explain = _EXPLANATIONS.get(self.kind)
        if explain is not None:
            return explain(self)
        if self.kind == "cascade":
            hint = str(self.context["hint"]) or self.example()
            return str(self.context["code"]), str(self.context["message"]), hint
        if self.kind.endswith(("_type", "_parsing", "_from_float")):
            return _wrong_kind(self)
        return OTHER, self.text[:1].lower() + self.text[1:], self.example()

    def example(self, otherwise: str = "") -> str:
        """Return the advice to write the field's example, where it has one."""
        steps = self.steps
        while steps and isinstance(steps[-1], int):
            steps = steps[:-1]
        info = field_at(self.model, steps, self.data)
        line = example_of(str(steps[-1]), info) if info is not None else ""
        about = (info.description or "") if info is not None else ""
        return (
            f"write {line}" + (f"   ({about.rstrip('.')})" if about else "") if line else otherwise or about
        )


_MOST_PLACES = 3
"""Places where a key belongs, up to which they are told."""


def unknown_key(name: str, keys: Iterable[str], model: type[BaseModel], section: str = "") -> tuple[str, str]:
    """Return what to say of a key that is not known: which it resembles, or else where in the model it belongs."""
    known = list(dict.fromkeys(keys))
    guess = did_you_mean(name, known)
    places = [] if guess else places_of(name, model)
    places = [place for place in places if re.match(rf"{section}\b", place)] or places
    belongs = f"`{name}` belongs in {' or '.join(places)}\n" if 0 < len(places) <= _MOST_PLACES else ""
    return f"unknown key '{name}'{guess}", belongs + (
        f"keys here: {listing(known, 24)}" if known else "remove it"
    )


def _unknown_key(at: _Translator) -> tuple[str, str, str]:
    keys = (key for model in models_at(at.model, at.steps[:-1], at.data) for key in keys_of(model))
    return UNKNOWN_KEY, *unknown_key(str(at.last), keys, at.model, re.escape(str(at.steps[0])))


def _missing_key(at: _Translator) -> tuple[str, str, str]:
    if isinstance(at.last, int):
        at.steps = at.steps[:-1]
        return OTHER, f"lacks its entry number {at.last + 1}", at.example()
    info = field_at(at.model, at.steps, at.data)
    name = str(at.last)
    line = (example_of(name, info) if info is not None else "") or f"{name}: ..."
    about = f"   ({info.description.rstrip('.')})" if info is not None and info.description else ""
    return MISSING_KEY, f"missing key '{name}'", f"add {line}{about}"


def _unknown_tag(at: _Translator) -> tuple[str, str, str]:
    tags = tags_of(at.model, at.steps, at.data)
    given = str(at.context.get("tag", ""))
    at.steps = (*at.steps, "type")
    return (
        UNKNOWN_TYPE,
        f"unknown type '{given}'{did_you_mean(given, tags)}",
        f"types here: {', '.join(tags)}",
    )


def _missing_tag(at: _Translator) -> tuple[str, str, str]:
    tags = tags_of(at.model, at.steps, at.data)
    if not isinstance(at.input, Mapping):
        return (
            WRONG_KIND,
            f"needs a mapping with `type:`, not {kind_of(at.input)}",
            f"types here: {', '.join(tags)}",
        )
    return MISSING_KEY, "missing key 'type'", f"add type: with one of {', '.join(tags)}"


def _literal(at: _Translator) -> tuple[str, str, str]:
    expected = str(at.context.get("expected", ""))
    choices = [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(",")]
    if at.steps == ("cascade",):
        return "CAS018", f"scenario format {at.input!r} is not known to this release", "write cascade: 1"
    guess = closest(str(at.input), choices) if isinstance(at.input, str) else None
    tail = f" — did you mean '{guess}'?" if guess else ""
    return (
        WRONG_KIND,
        f"{quoted(at.input)} is not one of {', '.join(choices)}{tail}",
        f"write {' or '.join(choices)}",
    )


_BOUNDS = {
    "greater_than": "above",
    "greater_than_equal": "at least",
    "less_than": "below",
    "less_than_equal": "at most",
}
_LIMITS = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt", "less_than_equal": "le"}


def _bound(at: _Translator) -> tuple[str, str, str]:
    limit = at.context[_LIMITS[at.kind]]
    shown = limit if isinstance(limit, int) else f"{limit:g}"
    message = f"must be {_BOUNDS[at.kind]} {shown}, not {quoted(at.input)}"
    number = at.input if isinstance(at.input, int | float) else None
    if at.kind.startswith("less") and number is not None and 1 < number <= 100 and limit <= 10:
        return OUT_OF_RANGE, message, f'write "{number:g} %" for per cent, or {number / 100:g}'
    return OUT_OF_RANGE, message, at.example()


_NAMES = {
    ":": (
        "is no market name",
        "write venue:contract, such as binance:BTCUSDT; letters, digits, _ and -, in the contract . and /, too",
    ),
    "/": ("cannot be a name", "use letters, digits, . _ / and - only, such as BTCUSDT"),
    "": ("cannot be a name", "use letters, digits, - and _ only, such as thin-book"),
}
"""What to say of a name, by a letter that others like it may have."""


def _pattern(at: _Translator) -> tuple[str, str, str]:
    pattern = str(at.context.get("pattern", ""))
    problem, hint = next(said for letter, said in _NAMES.items() if letter in pattern)
    return OTHER, f"{quoted(at.input)} {problem}", hint


def _length(at: _Translator) -> tuple[str, str, str]:
    least, most = at.context.get("min_length"), at.context.get("max_length")
    count = f"at least {least}" if least is not None else f"at most {most}"
    return OTHER, f"needs {count} {'entry' if 1 in (least, most) else 'entries'}", at.example()


_KINDS = {
    "float": "a number",
    "int": "a whole number",
    "string": "text",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "dict": "a mapping",
    "model": "a mapping",
}


_SHAPES = {
    "a list": "write a list: each item on a line of its own that begins with `- `",
    "a mapping": "write `key: value` lines below, indented",
}


def _keys_to_write(at: _Translator) -> str:
    keys = [key for model in models_at(at.model, at.steps, None) for key in keys_of(model)]
    name = next((step for step in reversed(at.steps) if isinstance(step, str)), "")
    return (
        f"write {name}: {{{keys[0]}: ...}}; its keys: {listing(keys)}"
        if keys and name
        else _SHAPES["a mapping"]
    )


def _wrong_kind(at: _Translator) -> tuple[str, str, str]:
    wanted = _KINDS.get(at.kind.split("_")[0], "another kind of value")
    tags = tags_of(at.model, at.steps, at.data)
    hint = (
        f"write a mapping with type: one of {', '.join(tags)}"
        if tags
        else at.example(_keys_to_write(at) if wanted == "a mapping" else _SHAPES.get(wanted, ""))
    )
    return WRONG_KIND, f"needs {wanted}, not {kind_of(at.input)}", hint


def _not_finite(at: _Translator) -> tuple[str, str, str]:
    return OUT_OF_RANGE, "needs a finite number", at.example()


def _too_large(at: _Translator) -> tuple[str, str, str]:
    return OUT_OF_RANGE, f"{quoted(at.input)} is more than can be counted", at.example()


def _rejected(at: _Translator) -> tuple[str, str, str]:
    return OTHER, str(at.context.get("error", at.text)), at.example()


_EXPLANATIONS: dict[str, Callable[[_Translator], tuple[str, str, str]]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing_key,
    "union_tag_invalid": _unknown_tag,
    "union_tag_not_found": _missing_tag,
    "literal_error": _literal,
    "greater_than": _bound,
    "greater_than_equal": _bound,
    "less_than": _bound,
    "less_than_equal": _bound,
    "string_pattern_mismatch": _pattern,
    "too_short": _length,
    "too_long": _length,
    "finite_number": _not_finite,
    "int_parsing_size": _too_large,
    "value_error": _rejected,
    "assertion_error": _rejected,
}
