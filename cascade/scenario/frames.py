"""Tables in memory in place of data files: kept as parquet under the digest of their content, so that runs repeat."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any, Final

from cascade.installation import cache_folder, keep

_KEPT: Final = "frames"


def is_frame(value: Any) -> bool:
    """Tell whether a value is a table of pandas, polars, pyarrow or another library that speaks Arrow."""
    return any(hasattr(value, name) for name in ("__arrow_c_stream__", "__dataframe__"))


def frame_file(frame: Any) -> str:
    """Return the path of a parquet file that holds a table; equal tables have one file.

    It lies in the user's cache, where results that were made of it find it again.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(frame) if hasattr(frame, "__arrow_c_stream__") else _exchanged(frame)
    table = table.select([name for name in table.column_names if not name.startswith("__index_level_")])
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.replace_schema_metadata(None), sink, coerce_timestamps="us", allow_truncated_timestamps=True
    )
    content = sink.getvalue().to_pybytes()
    path = _folder() / f"{hashlib.sha256(content).hexdigest()[:16]}.parquet"
    if not path.is_file():
        keep(path, content)
    return str(path)


def _exchanged(frame: Any) -> Any:
    """Return a table of a library that only speaks the older protocol."""
    from pyarrow.interchange import from_dataframe

    return from_dataframe(frame)


def _folder() -> Path:
    """Return where tables are kept: among temporary files where this machine has no cache."""
    return (cache_folder(_KEPT) or Path(tempfile.mkdtemp(prefix="cascade-"))).resolve()
