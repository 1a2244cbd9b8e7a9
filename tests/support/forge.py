"""Changes results as one does who knows how they are checked: what is checked in vain, tests change by this."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cascade.output import manifest as manifests
from cascade.output.checksums import SEAL, crc_of


def forge(folder: Path, **changes: Any) -> None:
    """Set entries of a manifest, and the checksums of its files to those of what is there now, and seal it."""
    record = json.loads((folder / manifests.MANIFEST).read_text(encoding="utf-8")) | changes
    record.pop(SEAL)
    sums = {name: crc_of(folder / name) for name in record[manifests.FILES] if (folder / name).is_file()}
    manifests.write(folder, record | {manifests.FILES: sums})
