"""Shares of a total: whatever the weights, they add up to it, and no share is more than a unit off."""

from __future__ import annotations

import os
from decimal import Decimal
from fractions import Fraction
from random import Random, SystemRandom

from harness import Warehouse

SEED = int(os.environ.get("STRATA_SEED", SystemRandom().randrange(10**6)))
UNIT = Decimal("0.0001")
SHARE = "{'share': {'total': 'total', 'weight': 'weight'}}"
SPLIT = "{{ allocate('given', unit='unit_id', order_by='line', allocations=" + SHARE + ") }}"
CASES: dict[str, tuple[str | None, list[str | None], list[str | None]]] = {
    "one line": ("9.99", ["3"], ["9.9900"]),
    "one line without weight": ("9.99", ["0"], ["9.9900"]),
    "thirds": ("1", ["1", "1", "1"], ["0.3333", "0.3334", "0.3333"]),
    "what is left over stays near its row": ("0.0003", ["2", "3", "2"], ["0.0001", "0.0001", "0.0001"]),
    "no weights": ("0.01", ["0", "0", None], ["0.0033", "0.0034", "0.0033"]),
    "null and negative weights are 0": ("5", [None, "-2", "1"], ["0.0000", "0.0000", "5.0000"]),
    "negative": ("-1", ["1", "1", "1"], ["-0.3333", "-0.3334", "-0.3333"]),
    "zero": ("0", ["1", "2"], ["0.0000", "0.0000"]),
    "less than the lines": ("0.0001", ["1", "1"], ["0.0001", "0.0000"]),
    "beyond 64 bits": (
        "20000000000",
        ["20000000000.0001", "0", "20000000000"],
        ["10000000000.0000", "0.0000", "10000000000.0000"],
    ),
    "null total": (None, ["1", "2"], [None, None]),
    "it''s; drop table x": ("99999999999.9999", ["99999999999.9999", "0.0001"], ["99999999999.9998", "0.0001"]),
}


def split(
    warehouse: Warehouse, cases: dict[str, tuple[str | None, list[str | None]]]
) -> dict[str, list[Decimal | None]]:
    rows = ", ".join(
        f"('{name}', {line}, cast({total or 'null'} as decimal(18, 4)), cast({weight or 'null'} as decimal(18, 4)))"
        for name, (total, weights) in cases.items()
        for line, weight in enumerate(weights)
    )
    given = f"with given as (select * from (values {rows}) as v (unit_id, line, total, weight)), shares as ({SPLIT}) "
    compiled = warehouse.compile(given + "select unit_id, line, share from shares order by 1, 2")
    found: dict[str, list[Decimal | None]] = {}
    for name, _, share in warehouse.query(compiled):
        found.setdefault(name.replace("'", "''"), []).append(share)
    return found


def test_edge_cases(warehouse: Warehouse) -> None:
    found = split(warehouse, {name: case[:2] for name, case in CASES.items()})
    for name, (_, _, shares) in CASES.items():
        assert found[name] == [None if share is None else Decimal(share) for share in shares], name


def test_random_totals_add_up(warehouse: Warehouse) -> None:
    print(f"STRATA_SEED={SEED}")
    random = Random(SEED)
    cases = {}
    for number in range(300):
        total = Decimal(random.randint(-(10**9), 10**9)) * UNIT
        weights = [Decimal(random.choice([0, random.randint(0, 10**8)])) * UNIT for _ in range(random.randint(1, 7))]
        cases[f"u{number}"] = (str(total), [str(weight) for weight in weights])
    for name, shares in split(warehouse, cases).items():
        total, weights = Decimal(cases[name][0]), [Fraction(weight) for weight in cases[name][1]]
        assert sum(shares) == total, name
        whole = sum(weights)
        weights = weights if whole else [Fraction(1)] * len(weights)
        for share, weight in zip(shares, weights, strict=True):
            assert abs(Fraction(share) - Fraction(total) * weight / sum(weights)) < Fraction(UNIT), name
