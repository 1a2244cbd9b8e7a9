"""Damaged archives: each is read, or everything that is wrong with it is told; nothing else comes of it."""

from __future__ import annotations

import pytest

from cascade.data.soundness import check_file
from cascade.errors import UNPRINTABLE
from cascade.scenario.codes import codes
from tests.support.archives import EXAMPLES
from tests.support.mutations import generator, with_other_bytes, with_other_lines
from tests.support.packing import write

KINDS = list(EXAMPLES)


def mutated(number: int, folder):
    """Return a file of one kind that was altered in its text or its bytes."""
    rng = generator(number)
    example = EXAMPLES[KINDS[number % len(KINDS)]]
    text = "\n".join(example.lines(12))
    for _ in range(int(rng.integers(1, 4))):
        text, _ = with_other_lines(text, rng)
    if rng.random() < 0.5:
        text = with_other_bytes(text.encode(), rng)[0].decode("utf-8", "surrogateescape")
    path = write(folder, example, lines=text.encode("utf-8", "replace").decode().split("\n"))
    if rng.random() < 0.3:
        path.write_bytes(with_other_bytes(path.read_bytes(), rng)[0])
    return path


def test_archives_that_were_altered(n_mutations: int, tmp_path) -> None:
    for number in range(n_mutations):
        look(mutated(number, tmp_path / str(number)))


def look(path) -> None:
    """Hold what is said of a file against what may be said of any."""
    verdict = check_file(path)
    assert verdict.word in {"ok", "noted", "failed"}
    assert verdict.readings or verdict.problems
    for problem in verdict.problems:
        assert problem.code in codes()
        assert problem.hint
        assert not UNPRINTABLE.search(problem.message)
        assert problem.column >= 0
        if problem.source_line:
            assert 1 <= problem.column <= len(problem.source_line) + 1


@pytest.mark.sampled(5)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "raw", [b"\x00" * 50, b"{", b"[]\n", b"[1, 2]", b"{}\n" * 3, b'"', b"\xff" * 9, b",,,\n,,\n"]
)
def test_what_is_nothing_of_ours(kind, raw, tmp_path) -> None:
    from cascade.data.recognise import Given

    path = tmp_path / "x.csv"
    path.write_bytes(raw)
    assert not check_file(path).is_sound
    assert not check_file(path, Given(kind=kind)).is_sound
