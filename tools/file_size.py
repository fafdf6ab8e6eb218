"""`python -m tools.file_size FILE...`: exit 1 if a file is too large for the repository. A pre-commit hook."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

LARGEST_BYTES = 500_000


def main(paths: Sequence[str]) -> int:
    """Print every file above the limit; returns 1 if there is one."""
    large = [(path, Path(path).stat().st_size) for path in paths]
    large = [(path, size) for path, size in large if size > LARGEST_BYTES]
    for path, size in large:
        print(f"{path}: {size:,} bytes, more than {LARGEST_BYTES:,} -> generate it, or keep it outside the repository")
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
