"""The synthetic company: a seeded generator of what thirteen systems of one group hold.

Every value is made up, and names say so. The same seed and scale give the same files, byte for byte, on every
machine: chance comes only from `random.Random.random`, and money is computed in whole cents.
The story told is coherent: dates are in order, keys join across systems, suppliers differ in punctuality,
completeness and price. Nothing is posted after `masters.TODAY`, so that late orders are open ones. A few records are
broken on purpose (`planted.py` for SAP, each module of `company_data` for its own system) and logged.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from pathlib import Path

from ingestion.sandbox import company_data, masters, orders, planted, tables
from ingestion.sandbox.company_data.everything import Purchasing, write_other_systems
from ingestion.sandbox.company_data.faults_procurement import plant_sap_faults
from ingestion.sandbox.company_data.log import FaultLog
from ingestion.sandbox.errors import SandboxError
from ingestion.sandbox.masters import GROUPS, Chance, materials, plants, stock, suppliers
from ingestion.sandbox.orders import OrderBook
from ingestion.sandbox.planted import PlantedFault, plant_faults
from ingestion.sandbox.tables import Tables

ORDERS, SUPPLIERS, MATERIALS = 3000, 300, 2000
MAX_SCALE = 100.0
FAULTS_FILE = "planted_faults.jsonl"
CHECKSUMS_FILE = "checksums.json"
CACHE = Path("warehouse") / "sandbox"


def generate_company(
    seed: int = 1, scale: float = 1.0, *, is_healthy: bool = False
) -> tuple[Tables, list[PlantedFault]]:
    """The company's SAP tables, and the faults planted in them.

    Args:
        seed: another seed gives another company.
        scale: orders grow in proportion, suppliers and materials with its square root.
        is_healthy: plant none.

    Raises:
        SandboxError: the scale is out of range.
    """
    made, _ = _purchasing(seed, scale)
    return made, [] if is_healthy else plant_faults(made)


def write_company(directory: Path, seed: int = 1, scale: float = 1.0) -> None:
    """Write the SAP tables, the files of all other systems and `planted_faults.jsonl` into a directory."""
    made, purchasing = _purchasing(seed, scale)
    faults = plant_faults(made)
    doubtful = FaultLog()
    plant_sap_faults(made, doubtful)
    faults += doubtful
    made.save(directory)
    faults += write_other_systems(directory, seed, scale, purchasing)
    lines = "".join(json.dumps(fault.as_dict(), ensure_ascii=False) + "\n" for fault in faults)
    (directory / FAULTS_FILE).write_text(lines, encoding="utf-8", newline="\n")


def _purchasing(seed: int, scale: float) -> tuple[Tables, Purchasing]:
    """SAP's tables, and the purchasing side as other systems see it."""
    if not 0.01 <= scale <= MAX_SCALE:
        raise SandboxError(f"scale is {scale}.", subject="company", remedy=f"use 0.01 to {MAX_SCALE:g}.")
    chance, root = Chance(seed), math.sqrt(scale)
    parts, material_tables = materials(chance, max(len(GROUPS) * 2, round(MATERIALS * root)))
    partners, supplier_table = suppliers(chance, max(12, round(SUPPLIERS * root)))
    book = OrderBook(chance, partners, parts)
    book.fill(max(20, round(ORDERS * scale)))
    on_hand = stock(Chance(f"{seed}/stock"), parts)
    made = Tables({t.name: t for t in (*book.tables(), supplier_table, *material_tables, plants(), on_hand)})
    number, land, name = (supplier_table.position(column) for column in ("LIFNR", "LAND1", "NAME1"))
    known = {row[number]: (row[land], row[name]) for row in supplier_table.rows}
    return made, Purchasing(book, partners, parts, known, on_hand)


def default_company(seed: int = 1, scale: float = 1.0, cache: Path | None = None) -> Path:
    """Directory of the company of this seed and scale, written if it is not there unchanged.

    Args:
        cache: where to keep companies; STRATA_SANDBOX_DIR, or `warehouse/sandbox` of the working directory.
    """
    root = cache or Path(os.environ.get("STRATA_SANDBOX_DIR") or CACHE)
    directory = root / f"company-seed{seed}-scale{scale:g}-{_generator_version()}"
    if _is_intact(directory):
        return directory
    root.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="writing-", dir=root))
    try:
        write_company(fresh, seed, scale)
        written = sorted(path for path in fresh.rglob("*") if path.is_file())
        sums = {path.relative_to(fresh).as_posix(): _checksum(path) for path in written}
        (fresh / CHECKSUMS_FILE).write_text(json.dumps(sums, indent=1) + "\n", encoding="utf-8")
        _put_in_place(fresh, directory)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return directory


def _put_in_place(fresh: Path, directory: Path) -> None:
    """Rename the written directory to its name; another process may have been quicker, with the same content."""
    if directory.exists():
        shutil.rmtree(directory, ignore_errors=True)
    try:
        fresh.rename(directory)
    except OSError as error:
        if not _is_intact(directory):
            raise SandboxError(
                f"the company cannot be put in place: {error}.", subject=str(directory), remedy="remove the directory."
            ) from error


def _is_intact(directory: Path) -> bool:
    try:
        sums = json.loads((directory / CHECKSUMS_FILE).read_text(encoding="utf-8"))
        return all(_checksum(directory / name) == checksum for name, checksum in sums.items())
    except (OSError, ValueError, AttributeError):
        return False


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _generator_version() -> str:
    """Digest of the generator's own code, so that a changed generator never meets an old company."""
    modules = (masters, orders, planted, tables)
    paths = [Path(str(module.__file__)) for module in modules] + [Path(__file__)]
    paths += sorted(Path(str(company_data.__file__)).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:8]
