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


def test_the_group_of_a_bank(warehouse: Warehouse) -> None:
    """By its institution; a bank that no line names keeps its code, and no bank has no group."""
    values = ", ".join(
        f"({n}, {literal(bic)})" for n, bic in enumerate(["MIDLGB22XXX", "ZZZZGB2L", "'; drop--", "", None])
    )
    sql = warehouse.compile(
        "select {{ bank_group('bic') }} from (values " + values + ") as listed (place, bic) "
        "left join (select 'MIDL' as institution_code, 'HSBC' as bank_group) as partner_banks "
        "on {{ bic_institution('bic') }} = partner_banks.institution_code order by place"
    )
    found = [row[0] for row in warehouse.query(sql)]
    assert found == ["HSBC", "unmapped ZZZZ", "unmapped '; d", "unmapped ", None]


def test_a_share_of_a_wallet_is_exact(warehouse: Warehouse) -> None:
    """Six decimals, halves up, also above a thousand million; no wallet, no share."""
    cases = {
        ("1", "3"): "0.333333", ("2", "3"): "0.666667", ("1", "2000000"): "0.000001", ("1", "2000001"): "0.000000",
        ("0", "5"): "0.000000", ("5", "0"): None, ("null", "0"): None, ("5", "null"): None,
        ("9999999999999.9999", "9999999999999.9999"): "1.000000", ("99999999999", "99999999999999"): "0.001000",
    }  # fmt: skip
    values = ", ".join(
        f"({place}, cast({part} as decimal(18, 4)), cast({whole} as decimal(18, 4)))"
        for place, (part, whole) in enumerate(cases)
    )
    sql = warehouse.compile(
        "select {{ share_of_wallet('part', 'whole') }} "
        f"from (values {values}) as listed (place, part, whole) order by place"
    )
    assert [None if row[0] is None else str(row[0]) for row in warehouse.query(sql)] == list(cases.values())
