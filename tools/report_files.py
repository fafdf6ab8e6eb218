"""What the files that leave the house share: the same bytes for the same content, no formulas, whole or not at all."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.worksheet import Worksheet

ROOT = Path(__file__).resolve().parent.parent
NAVY = "1F3864"
FORMULA_MARKS = ("=", "+", "-", "@")  # a spreadsheet takes a text that starts so for a formula
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
STAMPS = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")


def plain(value: Any) -> str:
    """A value as it stands in a CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(FORMULA_MARKS):
        return f"'{value}"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def heading(sheet: Worksheet, labels: list[str]) -> None:
    """A first row that stands out and prints on every page."""
    sheet.append(labels)
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", fgColor=NAVY)
        cell.alignment = Alignment(wrap_text=True, vertical="center")
    sheet.row_dimensions[1].height = 32
    sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = "landscape", 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = "1:1"


def without_clock(content: bytes, day: date) -> bytes:
    """The workbook without the moments that openpyxl and zip write into it."""
    fixed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            part = source.read(name)
            if name == "docProps/core.xml":
                part = STAMPS.sub(rb"\g<1>" + f"{day}T00:00:00Z".encode(), part)
            target.writestr(zipfile.ZipInfo(name, ZIP_TIME), part, zipfile.ZIP_DEFLATED)
    return fixed.getvalue()


def write_together(contents: dict[Path, bytes]) -> list[Path]:
    """Write files beside their places first, then move them all there; returns their paths.

    Raises:
        OSError: a directory cannot be written, or on Windows, an old file is open in Excel.
    """
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f".{path.name}.part").write_bytes(content)
    for path in contents:
        path.with_name(f".{path.name}.part").replace(path)
    return list(contents)


def shown(path: Path) -> str:
    """The path as a person at the top of the project types it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
