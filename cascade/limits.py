"""The most that can be asked for: what lies beyond is refused when it is read, and the message names the limit."""

from __future__ import annotations

from typing import Final

MOST_BYTES: Final = 500_000
"""Size of a YAML file: thirty times that of the largest that comes with Cascade."""

MOST_VALUES: Final = 20_000
"""Values of a YAML file, with every alias written out."""

MOST_WRITTEN_OUT: Final = 200_000
"""Values of what is written for each row of lists: the market of July has a tenth of them."""

MOST_LETTERS: Final = 10_000
"""Length of one value in it."""

MOST_DEPTH: Final = 64
"""Levels of lists and mappings within each other."""

MOST_DIGITS: Final = 250
"""Digits of a whole number, hexadecimal ones as well: all these are less than the largest float."""

MOST_DATA_BYTES: Final = 256_000_000
"""Size of a CSV file of data, unpacked."""

MOST_ROWS: Final = 5_000_000
"""Rows of a data file."""

MOST_SEED: Final = 2**63 - 1
"""Tables store the seed as a 64-bit number with a sign."""

MOST_REPLICATES: Final = 1_000_000
"""Replicates of a run: a manifest lists each."""

MOST_VARIANTS: Final = 100_000
"""Variants of a sweep: each is a scenario that is loaded and checked."""

MOST_ACCOUNTS: Final = 50_000_000
"""Accounts of a layer: some 8 GB."""

MOST_STEPS: Final = 1_000_000_000
"""Steps of a run: the kernels count lives of orders and accounts in 32 bits."""

MOST_SECONDS: Final = 100 * 365 * 86_400.0
"""Length of any duration: a hundred years."""

MOST_MULTIPLE: Final = 1e9
"""Any factor: sizes times it are still counted in 64 bits."""

FIRST_YEAR, LAST_YEAR = 1970, 2200
"""Years from the first to that before the last may be named as a date."""

MOST_HISTORY_SECONDS: Final = 10 * 365 * 86_400.0
"""Length of the prices before the start, which are kept for each minute."""

MOST_MONEY: Final = 2**62
"""Money units that are counted exactly, with a bit to spare."""
