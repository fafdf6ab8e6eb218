"""Shipments of two legacy systems and stock by day, against naive computations and against what the sandbox knows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from harness import ROOT, Warehouse, raw_columns
from support.shipment_truth import write_with_truth
from test_incremental import seeds

from ingestion.sandbox.company_data.faults_logistics import FAULTS, FIRST_NUMBER

Row = dict[str, Any]
START = datetime(2025, 6, 2, 8, tzinfo=UTC)
BUILD = ("build", "--exclude-resource-type", "test", "unit_test", "--select")
PAIRS = (
    "select alpha_shipment_reference, beta_shipment_reference from dev_marts.fct_shipments "
    "where source_systems = 'alpha beta'"
)
STOCK = "select * from dev_marts.fct_stock_daily order by stock_day_key"


def land(warehouse: Warehouse, dataset: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace a table of the legacy systems."""
    columns = raw_columns("scm_legacy")[dataset]
    filled = [
        {"_source_file": "f.csv", "_source_line": n, "_source_ref": f"{dataset}:{n}", "_row_hash": f"{dataset}{n}",
         "_landed_at": START, "_dlt_load_id": "1", **row}
        for n, row in enumerate(rows, start=1)
    ]  # fmt: skip
    with warehouse.connect() as connection:
        connection.execute(f"delete from raw_scm_legacy.{dataset}")
        marks = ", ".join("?" for _ in columns)
        if filled:
            connection.executemany(
                f"insert into raw_scm_legacy.{dataset} values ({marks})",
                [[row.get(name) for name in columns] for row in filled],
            )


def master_data(warehouse: Warehouse) -> None:
    warehouse.land(
        "materials",
        [{"product": f"M{n}", "base_unit": "KG" if n == 3 else "EA",
         "net_weight": 1 if n == 3 else n, "weight_unit": "KG"}
         for n in (1, 2, 3)],
        START,
    )  # fmt: skip
    warehouse.land("plants", [{"plant": f"P{n}", "plant_name": f"Plant {n}", "country": "GB"} for n in (1, 2)], START)


def deliveries(random: Random, count: int) -> tuple[list[Row], list[Row]]:
    """Alpha's and Beta's lines of made-up deliveries: often of one order, with repeats and faults.

    The first fifth are in both systems as they were, so that pairs are found whatever the dice say.
    """
    alpha: list[Row] = []
    beta: list[Row] = []
    for number in range(count):
        plain = number < count // 5
        choose = itemgetter(0) if plain else random.choice
        order, material, plant = random.randint(1, count // 4), random.randint(1, 3), random.randint(1, 2)
        left = date(2025, 3, 1) + timedelta(days=random.randint(0, 40))
        arrived = left + timedelta(days=random.randint(0, 6))
        quantity = random.choice([10, 40, 60, 100])
        weight, freight = quantity * material if material < 3 else quantity, 25 + quantity
        supplier = f"{1000000 + order}"
        if plain or random.random() < 0.7:
            tonnes = not plain and material == 3 and random.random() < 0.3
            alpha.append({
                "shipment_ref": f"A-{random.randint(1, 3 * count):07d}", "po_number": f"45{order:08d}",
                "supplier_id": supplier, "material_id": f"M{material}", "plant": f"P{plant}", "carrier": "Carrier",
                "mode": "road", "ship_date": left, "delivery_date": arrived,
                "quantity": Decimal(quantity) / 1000 if tonnes else quantity,
                "unit": "TO" if tonnes else "KG" if material == 3 else choose(["EA", "EA", "EA", "??"]),
                "weight_kg": choose([weight, weight, weight, None]),
                "freight_cost": freight, "status": "delivered",
            })  # fmt: skip
        if plain or random.random() < 0.6:
            beta.append({
                "tracking_no": f"B-000-{random.randint(1, 3 * count):06d}",
                "order_no": choose([f"45{order:08d}", f"{order:08d}", None]), "vendor": f"{supplier} Supplier",
                "item": f"M{material}", "destination": choose([f"Plant {plant}", f"PLANT {plant}", "Nowhere"]),
                "carrier_name": "CARRIER", "transport_mode": "TRUCK",
                "shipped_on": left + timedelta(days=choose([0, 0, 0, 1, 31])),
                "delivered_on": arrived + timedelta(days=choose([0, 0, 2, -7])),
                "qty": choose([quantity, quantity, quantity * Decimal("0.95")]),
                "weight_lb": (weight / Decimal("0.45359237")).quantize(Decimal("0.001")),
                "freight_usd": freight * Decimal("1.27"),
                "state": "DONE",
            })  # fmt: skip
    alpha.append(dict(alpha[0]))
    beta.append({**beta[0], "tracking_no": "B-999-999999"})
    return alpha, beta


def shuffled(random: Random, rows: list[Row], dataset: str) -> list[Row]:
    """Another order of arrival; the place in the file, which decides between repeats, stays."""
    placed = [{**row, "_source_line": n, "_source_ref": f"{dataset}:{n}"} for n, row in enumerate(rows, start=1)]
    random.shuffle(placed)
    return placed


def close(one: Any, other: Any, share: float) -> bool:
    return one == other or abs(float(one) - float(other)) <= share * max(abs(float(one)), abs(float(other)))


def points(a: Row, b: Row) -> int | None:
    """The score of two lines, written down a second time; None when they are not to be compared."""
    same = {
        name: None if a[name] is None or b[name] is None else a[name] == b[name]
        for name in ("purchase_order_id", "material_id", "supplier_id", "plant_id", "transport_mode", "shipment_id")
    }
    days = abs((a["shipped_date"] - b["shipped_date"]).days)
    late = abs((a["delivered_date"] - b["delivered_date"]).days)
    on_a_key = (
        (same["purchase_order_id"] and same["material_id"])
        or (same["supplier_id"] and same["material_id"] and days == 0)
        or same["shipment_id"]
    )
    if not on_a_key or days > 7 or late > 7:
        return None
    worth = {"purchase_order_id": (25, 12), "material_id": (15, 7), "supplier_id": (5, 2), "plant_id": (5, 2),
             "transport_mode": (2, 1)}  # fmt: skip
    score = 8 if same["shipment_id"] else 0
    for name, (full, half) in worth.items():
        score += full if same[name] else half if same[name] is None else 0
    score += {0: 15, 1: 10, 2: 6, 3: 6}.get(days, 0) + (5 if late == 0 else 3 if late <= 4 else 0)
    quantities = a["base_quantity"], b["base_quantity"]
    score += 10 if close(*quantities, 0.005) else 5 if close(*quantities, 0.1) else 0
    if a["weight_kg"] is None or b["weight_kg"] is None:
        score += 5
    else:
        score += (
            10
            if close(a["weight_kg"], b["weight_kg"], 0.005)
            else 3
            if close(a["weight_kg"], b["weight_kg"], 0.1)
            else 0
        )
    return score + (8 if close(a["freight_amount_gbp"], b["freight_amount_gbp"], 0.03) else 0)


def best_pairs(lines: list[Row], threshold: int = 82) -> set[tuple[str, str]]:
    """All with all; the best pair first, then the best of what is left."""
    scored = []
    for a in (line for line in lines if line["legacy_system"] == "alpha"):
        for b in (line for line in lines if line["legacy_system"] == "beta"):
            score = points(a, b)
            if score is not None and score >= threshold:
                low, high = sorted([a["shipment_id"], b["shipment_id"]])
                scored.append((-score, f"{low} {high} {a['shipment_id']}", a["legacy_line_key"], b["legacy_line_key"]))
    taken: set[str] = set()
    pairs = set()
    for _, _, a_key, b_key in sorted(scored):
        if a_key not in taken and b_key not in taken:
            taken |= {a_key, b_key}
            pairs.add((a_key, b_key))
    return pairs


@pytest.mark.parametrize("seed", seeds(1))
def test_pairs_and_parallel_run_against_naive_ones(warehouse: Warehouse, seed: int) -> None:
    print(f"STRATA_SEED={seed}")
    random = Random(seed)
    master_data(warehouse)
    alpha, beta = deliveries(random, 80)
    outcomes = []
    for _ in range(2):
        land(warehouse, "shipments_alpha", shuffled(random, alpha, "shipments_alpha"))
        land(warehouse, "shipments_beta", shuffled(random, beta, "shipments_beta"))
        warehouse.dbt(
            *BUILD, "+rpt_scm_parallel_run", "int_supply_chain__shipment_matches", "quarantine_shipments", "dim_date"
        )
        outcomes.append(
            set(
                warehouse.query(
                    "select alpha_line_key, beta_line_key from dev_intermediate.int_supply_chain__shipment_pairs"
                )
            )
        )
    assert outcomes[0] == outcomes[1], "the order of arrival changes the pairs"

    with warehouse.connect() as connection:
        relation = connection.sql(
            "select * from dev_intermediate.int_supply_chain__shipment_repeats where repeat_kind is null"
        )
        lines = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    expected = best_pairs(lines)
    assert outcomes[1] == expected
    assert len(expected) > 5
    assert len({a for a, _ in expected}) == len({b for _, b in expected}) == len(expected)

    repeated = warehouse.query(
        "select decision, count(*) from dev_intermediate.int_supply_chain__shipment_matches group by all"
    )
    counts = dict(repeated)
    assert sum(counts.values()) == len(alpha) + len(beta)
    assert counts["quarantined"] > 0
    ((shipments, quantity, weight, freight),) = warehouse.query(
        "select count(*), sum(shipped_quantity), sum(weight_kg), sum(freight_amount_gbp) from dev_marts.fct_shipments"
    )
    assert shipments == len(lines) - len(expected)
    report = warehouse.query(
        "select legacy_system, measure_name, sum(legacy_total), sum(new_total), sum(abs(unexplained_difference)), "
        "sum(abs(new_total - legacy_total)) from dev_marts.rpt_scm_parallel_run group by all"
    )
    written = {
        "alpha": {"shipments": len(alpha), "quantity": sum(Decimal(r["quantity"]) for r in alpha),
                  "weight": sum(Decimal(r["weight_kg"] or 0) for r in alpha),
                  "freight": sum(Decimal(r["freight_cost"]) for r in alpha)},
        "beta": {"shipments": len(beta), "quantity": sum(Decimal(r["qty"]) for r in beta),
                 "weight": sum(r["weight_lb"] for r in beta), "freight": sum(r["freight_usd"] for r in beta)},
    }  # fmt: skip
    new = {"shipments": shipments, "quantity": quantity, "weight": weight, "freight": freight}
    assert len(report) == 12
    for system, measure, legacy_total, new_total, unexplained, difference in report:
        sides = ["alpha", "beta"] if system == "both" else [system]
        assert legacy_total == sum(written[side][measure] for side in sides), (system, measure)
        assert new_total == new[measure], (system, measure)
        assert unexplained == 0, (system, measure)
        assert difference > 0, "nothing differs, so that nothing was explained"
    warehouse.dbt(
        "test", "--select", "path:tests/supply_chain", "every_legacy_line_has_its_decision",
        "fct_shipments_obeys_its_rules",
        "rpt_scm_parallel_run_obeys_its_rules", "shipments_are_good_or_quarantined", "shipment_pairs_are_one_to_one",
    )  # fmt: skip
    assert_symmetric(warehouse, expected)


def test_a_broken_step_fails_the_parallel_run(warehouse: Warehouse) -> None:
    """The proof can fail: one legacy line too many is unexplained, one pair too few is incomplete."""
    master_data(warehouse)
    alpha, beta = deliveries(Random(5), 40)
    land(warehouse, "shipments_alpha", alpha)
    land(warehouse, "shipments_beta", beta)
    warehouse.dbt(*BUILD, "+rpt_scm_parallel_run")
    with warehouse.connect() as connection:
        connection.execute("delete from dev_intermediate.int_supply_chain__shipment_pairs")
    land(warehouse, "shipments_alpha", [*alpha, {**alpha[0], "shipment_ref": "A-7777777"}])
    found = warehouse.dbt("test", "--select", "path:tests/supply_chain", check=False)
    assert found == {
        "scm_parallel_run_leaves_nothing_unexplained": "fail",
        "shipment_pairs_are_complete": "fail",
    }


def assert_symmetric(warehouse: Warehouse, expected: set[tuple[str, str]]) -> None:
    """Alpha and Beta exchanged: the same lines are paired."""
    with warehouse.connect() as connection:
        connection.execute(
            "update dev_intermediate.int_supply_chain__shipment_repeats "
            "set legacy_system = case legacy_system when 'alpha' then 'beta' else 'alpha' end"
        )
    warehouse.dbt("run", "--select", "int_supply_chain__shipment_candidates", "int_supply_chain__shipment_pairs")
    found = warehouse.query(
        "select beta_line_key, alpha_line_key from dev_intermediate.int_supply_chain__shipment_pairs"
    )
    assert set(found) == expected, "the side decides between pairs"


def test_all_warnings_reach_the_shipments() -> None:
    folder = ROOT / "models/intermediate/supply_chain"
    (model,) = yaml.safe_load((folder / "int_supply_chain__shipments_validated.yml").read_text())["models"]
    codes = [rule["code"] for rule in model["config"]["meta"]["quarantine_rules"] if rule["severity"] == "warn"]
    listed = (folder / "int_supply_chain__shipments.sql").read_text().split("set warnings = [")[1].split("]")[0]
    assert codes == re.findall("[A-Z_]+", listed)


def number(text: str) -> str | None:
    return text.replace(",", "") or None


def us_day(text: str) -> str | None:
    return f"{text[6:]}-{text[:2]}-{text[3:5]}" if text else None


def land_company(warehouse: Warehouse, directory: Path) -> tuple[set[str], set[str]]:
    """Land the readable lines of both exports and the materials; returns the references."""
    with (directory / "MARA.csv").open(encoding="utf-8-sig", newline="") as file:
        warehouse.land("materials", [
            {"product": r["MATNR"], "base_unit": r["MEINS"], "net_weight": r["NTGEW"], "weight_unit": r["GEWEI"]}
            for r in csv.DictReader(file)
        ], START)  # fmt: skip
    with (directory / "T001W.csv").open(encoding="utf-8-sig", newline="") as file:
        warehouse.land(
            "plants",
            [{"plant": r["WERKS"], "plant_name": r["NAME1"], "country": r["LAND1"]} for r in csv.DictReader(file)],
            START,
        )
    alpha: list[Row] = []
    beta: list[Row] = []
    for path in sorted((directory / "files" / "scm_legacy").glob("*_shipments_*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for r in csv.DictReader(file):
                if None in r.values() or None in r:
                    continue  # the planted broken lines
                if path.name.startswith("alpha"):
                    alpha.append({name: value or None for name, value in r.items()} | {
                        "ship_date": r["ship_date"], "delivery_date": r["delivery_date"] or None})  # fmt: skip
                else:
                    beta.append({
                        "tracking_no": r["Tracking No"], "order_no": r["Order No"],
                        "vendor": r["Vendor"], "item": r["Item"],
                        "destination": r["Destination"], "carrier_name": r["Carrier"], "transport_mode": r["Mode"],
                        "shipped_on": us_day(r["Shipped"]), "delivered_on": us_day(r["Delivered"]),
                        "qty": number(r["Qty"]),
                        "weight_lb": number(r["Weight (lb)"]), "freight_usd": number(r["Freight USD"]),
                        "state": r["State"],
                    })  # fmt: skip
    # What the contract refuses never lands.
    alpha = [
        r for r in alpha if r["mode"] != "lorry" and r["ship_date"] != "2025-02-29" and r["weight_kg"] != "-12.000"
    ]
    beta = [r for r in beta if r["shipped_on"] != "2025-13-25" and r["qty"] != "two pallets" and r["vendor"]]
    land(warehouse, "shipments_alpha", alpha)
    land(warehouse, "shipments_beta", beta)
    return {r["shipment_ref"] for r in alpha}, {r["tracking_no"] for r in beta}


def test_pairs_against_what_the_sandbox_knows(warehouse: Warehouse, tmp_path: Path) -> None:
    """Precision and recall on a small company; docs/supply_chain.md has those of the whole one."""
    truth = write_with_truth(tmp_path, seed=7, scale=0.2)
    alpha, beta = land_company(warehouse, tmp_path)
    truth = {(a, b) for a, b in truth if a in alpha and b in beta}
    warehouse.dbt(*BUILD, "+fct_shipments")
    found = set(warehouse.query(PAIRS))
    precision, recall = len(found & truth) / len(found), len(found & truth) / len(truth)
    print(f"{len(truth)} true pairs, {len(found)} found; precision {precision:.4f}, recall {recall:.4f}")
    assert len(truth) > 200
    assert precision >= 0.99, f"wrong: {sorted(found - truth)[:5]}"
    assert recall >= 0.99, f"missed: {sorted(truth - found)[:5]}"
    held = warehouse.query(
        "select shipment_reference, reason_codes from dev_intermediate.int_supply_chain__shipments_validated "
        "where reason_codes is not null"
    )
    planted = {f"A-{FIRST_NUMBER + place}": fault.code for place, fault in enumerate(FAULTS)}
    assert dict(held) == planted, "a planted fault is missed or under another code, or a good line is held back"
    ((shipments,),) = warehouse.query("select count(*) from dev_marts.fct_shipments")
    # The planted repeat of Beta is no shipment of its own, and none of the deliveries is lost.
    assert shipments == len(alpha) + len(beta) - 1 - len(found) - len(planted)


def test_every_field_has_a_precedence(warehouse: Warehouse) -> None:
    with (ROOT / "seeds/supply_chain/shipment_precedence.csv").open(newline="") as file:
        named = {row["field_name"] for row in csv.DictReader(file)}
    compiled = warehouse.compile("select '{{ shipment_fields() | join(',') }}' as fields")
    assert named == set(compiled.split("'")[1].split(","))


def test_supply_chain_macros(warehouse: Warehouse) -> None:
    sql = """
    select
        {{ relative_gap('100', '95') }} as five_percent, {{ relative_gap('0', '0') }} as nothing,
        {{ relative_gap('0', '-3') }} as all_of_it, {{ relative_gap('null', '3') }} as unknown,
        {{ day_gap("date '2024-03-01'", "date '2024-02-28'") }} as days,
        {{ day_gap('cast(null as date)', "date '2024-01-01'") }} as no_day,
        {{ share_of('1', '3') }} as third, {{ share_of('1', '0') }} as of_nothing,
        {{ share_of('null', '2') }} as no_part,
        {{ stock_window_start() }} = cast({{ as_of_date() }} - interval 399 day as date) as window_start
    """
    ((five, nothing, all_of_it, unknown, days, no_day, third, of_nothing, no_part, window),) = warehouse.query(
        warehouse.compile(sql)
    )
    assert (round(five, 9), nothing, all_of_it, unknown, days, no_day) == (0.05, 0, 1, None, 2, None)
    assert (third, of_nothing, no_part, window) == (Decimal("0.3333"), None, None, True)


class Stock:
    """Stock and counts as they land, batch by batch, and what a naive reader would make of them."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.now = datetime.now(UTC) - timedelta(days=60)
        self.rows: dict[tuple[str, str, str], Row] = {}
        self.versions: dict[tuple[str, str, str], list[tuple[date, Decimal]]] = {}
        self.counts: dict[str, Row] = {}

    def batch(self, *, is_last: bool) -> None:
        self.now += timedelta(days=self.random.randint(5, 15))
        for material in ("M1", "M2"):
            for plant in ("P1", "P2"):
                for kind in ("01", "01b", "07"):
                    if self.random.random() < 0.5:
                        self.show((material, plant, kind), Decimal(self.random.randint(-3, 20)))
        for _ in range(6):
            # Late by up to two months: also before SAP was first read.
            day = (self.now - timedelta(days=self.random.randint(0, 60))).date()
            self.count(f"SC-{self.random.randint(1, 30):04d}", day)
        if len(self.counts) > 6:
            del self.counts[self.random.choice(sorted(self.counts))]
        if is_last:
            gone = self.random.choice(sorted(self.rows))
            del self.rows[gone]
            # What this batch said of it never lands; a row that was new in it was never there.
            landed = [version for version in self.versions.pop(gone) if version[0] < self.now.date()]
            if landed:
                self.versions[gone] = [*landed, (datetime.now(UTC).date(), Decimal(0))]

    def show(self, key: tuple[str, str, str], quantity: Decimal) -> None:
        known = self.rows.get(key)
        self.rows[key] = {
            "material": key[0], "plant": key[1], "storage_location": key[2][2:] or "a", "batch": "",
            "inventory_stock_type": key[2][:2], "inventory_special_stock_type": "", "material_base_unit": "EA",
            "matl_wrhs_stk_qty_in_matl_base_unit": quantity, "_landed_at": self.now,
        }  # fmt: skip
        if known is None or known["matl_wrhs_stk_qty_in_matl_base_unit"] != quantity:
            self.versions.setdefault(key, []).append((self.now.date(), quantity))

    def count(self, name: str, day: date) -> None:
        self.counts[name] = {
            "count_no": name, "count_date": day, "plant": self.random.choice(["P1", "P2"]),
            "material_id": self.random.choice(["M1", "M2", "M9"]),
            "counted_quantity": self.random.randint(0, 20), "unit": "EA",
            "_landed_at": self.now, "_source_ref": name, "_row_hash": f"{name} {day}",
        }  # fmt: skip

    def write(self, warehouse: Warehouse) -> None:
        warehouse.clear("material_stock")
        stock, counts = list(self.rows.values()), list(self.counts.values())
        self.random.shuffle(stock)
        self.random.shuffle(counts)
        warehouse.land("material_stock", stock)
        land(warehouse, "stock_counts", counts)

    def level(self, material: str, plant: str, day: date, kind: str) -> Decimal:
        total = Decimal(0)
        for (m, p, k), versions in self.versions.items():
            if (m, p, k[:2]) == (material, plant, kind):
                total += next((quantity for start, quantity in reversed(versions) if start <= day), Decimal(0))
        return total

    def expected(self, first: date, last: date) -> set[tuple[Any, ...]]:
        found = set()
        pairs = {(m, p) for m, p, _ in self.versions} | {(c["material_id"], c["plant"]) for c in self.counts.values()}
        for material, plant in pairs:
            shown = {
                start
                for (m, p, _), versions in self.versions.items()
                if (m, p) == (material, plant)
                for start, _ in versions
            }
            counted = {
                c["count_date"]: Decimal(c["counted_quantity"])
                for c in sorted(self.counts.values(), key=lambda c: c["count_no"])
                if (c["material_id"], c["plant"]) == (material, plant)
            }
            day = min(shown | set(counted))
            stock, seen = Decimal(0), day
            while day <= last:
                difference = None
                if day in shown or day in counted:
                    seen = day
                    stock = self.level(material, plant, day, "01") if day in shown else counted[day]
                if day in counted and shown and min(shown) <= day:
                    difference = counted[day] - self.level(material, plant, day, "01")
                blocked = self.level(material, plant, day, "07") if shown and min(shown) <= seen else None
                if day >= first:
                    since = (day - seen).days
                    found.add((material, plant, day, stock, blocked, counted.get(day), difference, since, since > 0))
                day += timedelta(days=1)
        return found


@pytest.mark.parametrize("seed", seeds(1))
def test_stock_by_day_against_a_naive_one(warehouse: Warehouse, seed: int) -> None:
    """Late, changed and deleted counts, stock that changes and vanishes: increments, full refresh and a loop agree."""
    print(f"STRATA_SEED={seed}")
    stock = Stock(Random(seed))
    master_data(warehouse)
    for number_of_batch in range(3):
        stock.batch(is_last=number_of_batch == 2)
        stock.write(warehouse)
        warehouse.dbt(*BUILD, "+fct_stock_daily")
    incremental = warehouse.query(STOCK)
    warehouse.dbt("run", "--select", "fct_stock_daily", "--full-refresh")
    assert warehouse.query(STOCK) == incremental, f"seed {seed}"
    today = datetime.now(UTC).date()
    found = warehouse.query(
        "select material_id, plant_id, date_day, stock_quantity, blocked_quantity, counted_quantity, "
        "count_difference_quantity, days_since_observation, is_carried_forward from dev_marts.fct_stock_daily"
    )
    expected = stock.expected(today - timedelta(days=399), today)
    assert len(found) == len(expected)
    assert set(found) == expected, f"seed {seed}: {sorted(set(found) ^ expected, key=str)[:4]}"
    warehouse.dbt(
        "test", "--select", "fct_stock_daily_obeys_its_rules", "stock_ranges_are_unique",
        "stock_observations_are_unique",
    )  # fmt: skip


@pytest.mark.slow  # each day is another var, so that dbt parses the project anew
def test_a_moving_day_leaves_what_a_full_refresh_makes(warehouse: Warehouse) -> None:
    """The day of the run goes forward by days and weeks, then back, with a window of 20 days; the ranges stay."""
    stock = Stock(Random(3))
    master_data(warehouse)
    stock.batch(is_last=False)
    stock.write(warehouse)
    warehouse.dbt(*BUILD, "+int_supply_chain__stock_ranges", "dim_date", "dim_plant")
    today = datetime.now(UTC).date()
    for back in (40, 39, 25, 2, 30):
        day = f"{{as_of_date: {today - timedelta(days=back)}, stock_history_days: 20}}"
        warehouse.dbt("run", "--select", "fct_stock_daily", "--vars", day)
    incremental = warehouse.query(STOCK)
    warehouse.dbt("run", "--select", "fct_stock_daily", "--vars", day, "--full-refresh")
    assert warehouse.query(STOCK) == incremental
    assert len(incremental) > 40
