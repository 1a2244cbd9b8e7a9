"""The templates of the page as they were compiled here before; to compile them takes longer than to fill them."""

from __future__ import annotations

import contextlib
from importlib.metadata import version
from pathlib import Path

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from cascade.installation import cache_folder, hashed, keep_hashed
from cascade.provenance import sha256


class KeptTemplates(BytecodeCache):
    """Compiled templates on disk, each with its hash; where there is no room for them they are compiled each time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take the code of a template, if it is there and whole."""
        content = hashed(self._folder / bucket.key)
        if content is not None:
            bucket.bytecode_from_string(content)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template."""
        with contextlib.suppress(OSError):
            keep_hashed(self._folder / bucket.key, bucket.bytecode_to_string())


def kept_templates(settings: str) -> KeptTemplates | None:
    """Return what is kept under these settings by this version of Jinja, whose code calls it; None without a cache."""
    folder = cache_folder(f"templates-{sha256(version('jinja2') + settings)[:16]}")
    return KeptTemplates(folder) if folder is not None else None
