"""LEI and BIC with ordinary, null and hostile input."""

from __future__ import annotations

from harness import Warehouse

LEIS = {
    "HWUPKR0MPOU8FGXBT394": True, "HWUPKR0MPOU8FGXTB394": False, "hwupkr0mpou8fgxbt394": False,
    "HWUPKR0MPOU8FGXBT39": False, "HWUPKR0MPOU8FGXBT3940": False, "HWUPKR0MPOU8FGXBT3'-": False, "": False, None: False,
}  # fmt: skip
BICS = {
    "MIDLGB22": True, "MIDLGB22" + 3 * "X": True, "MIDLGB22ABC": True, "MIDLGB20": False, "MIDLGB20ABC": False,
    "MIDLGB22XAB": False, "MIDLGB2": False, "MIDLGB22AB": False, "'; drop--": False, "": False, None: False,
}  # fmt: skip


def literal(text: str | None) -> str:
    return "cast(null as varchar)" if text is None else "'" + text.replace("'", "''") + "'"


def test_identifiers(warehouse: Warehouse) -> None:
    values = ", ".join(f"({number}, {literal(text)})" for number, text in enumerate([*LEIS, *BICS]))
    sql = warehouse.compile(
        "select {{ lei_is_valid('code') }}, {{ bic_is_live('code') }}, {{ bic_country('code') }} "
        f"from (values {values}) as listed (place, code) order by place"
    )
    found = warehouse.query(sql)
    assert dict(zip(LEIS, [row[0] for row in found[: len(LEIS)]], strict=True)) == LEIS
    assert dict(zip(BICS, [row[1] for row in found[len(LEIS) :]], strict=True)) == BICS
    assert [row[2] for row in found[len(LEIS) :]][:1] == ["GB"]
    assert found[-1][2] is None
