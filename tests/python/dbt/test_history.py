"""Snapshots and dimensions against a naive reading of the same history."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random, SystemRandom

from harness import Warehouse

END = datetime(9999, 12, 31)
VERSIONS = """
    select supplier_name, is_deleted, is_current, valid_from, valid_to
    from dev_marts.dim_supplier where supplier_id = '{}' order by version_number
"""
BUILD = ("build", "--select", "+dim_supplier", "+dim_material", "--exclude-resource-type", "test", "unit_test")
CHECKS = (
    "test", "--indirect-selection", "cautious", "--select", "dim_supplier_history_has_no_gap_or_overlap",
    "snap_sap__suppliers_versions_are_unique", "unique_dim_supplier_supplier_key",
)  # fmt: skip


def supplier(number: str, name: str, stamp: datetime, deleted: bool = False) -> dict[str, object]:
    return {
        "supplier": number, "business_partner_full_name": name, "country": "DE", "_landed_at": stamp,
        "_is_deleted": deleted,
    }  # fmt: skip


def utc(stamp: datetime) -> datetime:
    return stamp.astimezone(UTC).replace(tzinfo=None)


def next_state(random: Random, state: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """Every supplier stays, lands again unchanged, changes its name, goes, or comes back."""
    stamp = datetime.now(UTC)
    changed = dict(state)
    for number in ("1", "2", "3", "4", "5", "6", "7", "8"):
        present = state.get(number)
        action = random.choice(["stay", "again", "rename", "blank", "tombstone", "vanish", "rename"])
        if action in ("rename", "blank"):
            changed[number] = supplier(number, f"Synthetic {random.randint(1, 3)}" if action == "rename" else "", stamp)
        elif action == "again" and present:
            changed[number] = {**present, "_landed_at": stamp}
        elif action == "tombstone" and present:
            changed[number] = {**present, "_landed_at": stamp, "_is_deleted": True}
        elif action == "vanish":
            changed.pop(number, None)
    return changed


def observe(oracle: dict[str, list[dict[str, object]]], state: dict[str, dict[str, object]], ran: datetime) -> None:
    """Add what one dbt run must add to each supplier's versions."""
    for number in set(oracle) | set(state):
        row = state.get(number)
        versions = oracle.setdefault(number, [])
        last = versions[-1] if versions else None
        if row is not None and not row["_is_deleted"]:
            if last is None or last["deleted"] or last["name"] != row["business_partner_full_name"]:
                versions.append(
                    {"name": row["business_partner_full_name"], "deleted": False, "from": row["_landed_at"]}
                )
        elif last is not None and not last["deleted"]:
            versions.append({"name": last["name"], "deleted": True, "from": None, "not_before": ran})


def test_dimension_versions_match_a_naive_history(warehouse: Warehouse) -> None:
    seed = SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    random = Random(seed)
    state = {"1": supplier("1", "Synthetic 1", datetime.now(UTC)), "9": supplier("9", "Constant", datetime.now(UTC))}
    oracle: dict[str, list[dict[str, object]]] = {}
    # The first supplier goes and comes back whatever the dice say; it is the case that snapshots got wrong.
    script = {1: "tombstone", 2: "return"}
    for run in range(4):
        if run:
            state = next_state(random, state)
        if script.get(run) == "tombstone":
            state["1"] = supplier("1", "Synthetic 1", datetime.now(UTC), deleted=True)
        if script.get(run) == "return":
            state["1"] = supplier("1", "Synthetic 1", datetime.now(UTC))
        warehouse.clear("suppliers")
        warehouse.land("suppliers", state.values())
        observe(oracle, state, datetime.now(UTC))
        warehouse.dbt(*BUILD)

    for number, expected in oracle.items():
        found = warehouse.query(VERSIONS.format(number))
        assert [(row[0], row[1]) for row in found] == [(v["name"], v["deleted"]) for v in expected], (seed, number)
        assert [row[2] for row in found] == [False] * (len(found) - 1) + [True], (seed, number)
        assert found[0][3] == datetime(1900, 1, 1)
        assert found[-1][4] == END
        for earlier, later in zip(found, found[1:], strict=False):
            assert earlier[4] == later[3], f"seed {seed}: gap or overlap in supplier {number}: {found}"
        for version, row in list(zip(expected, found, strict=True))[1:]:
            if version["deleted"]:
                assert row[3] >= utc(version["not_before"]), (seed, number)
            else:
                assert row[3] == utc(version["from"]), (seed, number)
    assert any(version["deleted"] for version in oracle["1"])
    assert oracle["1"][-1] != oracle["1"][0]
    assert set(warehouse.dbt(*CHECKS).values()) == {"pass"}
