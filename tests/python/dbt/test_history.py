"""Snapshots and dimensions against a naive reading of the same history."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from random import Random, SystemRandom
from typing import Any

import pytest
from harness import Warehouse
from member_histories import END, ENTITIES, START, Members, Version, Workers, key

UNKNOWN = "ad921d60486366258809553a3db49a4a"
DIMENSIONS = ("supplier", "material", "client", "product", "employee", "cost_center")
NO_TESTS = ("--exclude-resource-type", "test", "unit_test")
FIRST = ("build", "--select", "path:seeds", *(f"+dim_{name}" for name in DIMENSIONS), *NO_TESTS)
AGAIN = ("build", "--select", "path:snapshots", *(f"dim_{name}" for name in DIMENSIONS), *NO_TESTS)
CHECKS = (
    "test", "--indirect-selection", "cautious", "--select", "current_dimension_versions_match_staging",
    *(f"dim_{name}_{rule}" for name in DIMENSIONS for rule in ("history_is_continuous", "obeys_its_rules")),
)  # fmt: skip
EVENTS = """
{% for name in ['supplier', 'material', 'client', 'product', 'employee', 'cost_center'] %}
select '{{ name }}', events.{{ name }}_id, events.event_at, count({{ name }}s.{{ name }}_key)
from (
    select distinct {{ name }}_id, moments.event_at
    from dev_marts.dim_{{ name }} cross join (
        select valid_from as event_at from dev_marts.dim_{{ name }}
        union select valid_from - interval 1 microsecond from dev_marts.dim_{{ name }} where valid_from > '1900-01-01'
        union select valid_from + interval 1 day from dev_marts.dim_{{ name }}
        union select timestamp '9999-12-30'
    ) as moments
) as events
{{ point_in_time_join(name ~ 's', name ~ '_id', 'events', 'event_at') | replace('join ' ~ name ~ 's',
    'join dev_marts.dim_' ~ name ~ ' as ' ~ name ~ 's') }}
group by all having count({{ name }}s.{{ name }}_key) <> 1
{% if not loop.last %}union all{% endif %}
{% endfor %}
"""


def seed() -> int:
    drawn = int(os.environ.get("STRATA_SEED") or SystemRandom().randrange(10**6))
    print(f"STRATA_SEED={drawn}")
    return drawn


def dimension(warehouse: Warehouse, name: str, columns: str) -> dict[Any, list[tuple[Any, ...]]]:
    """Versions by member: key, number, deleted, inferred, current, from, to, then the columns."""
    found: dict[Any, list[tuple[Any, ...]]] = {}
    for member, *version in warehouse.query(
        f"select {name}_id, {name}_key, version_number, is_deleted, is_inferred, is_current, valid_from, valid_to, "
        f"{columns} from dev_marts.dim_{name} order by 1, version_number"
    ):
        found.setdefault(member, []).append(tuple(version))
    return found


def check_card(found: list[tuple[Any, ...]], card: list[Version], member: Any, where: str) -> None:
    """A member's versions are those on its card, under the keys they will always have."""
    assert [row[0] for row in found] == [key(member, number + 1) for number in range(len(card))], where
    values = [(row[7:] if len(row) > 8 else row[7], row[2]) for row in found]
    assert values == [(version.value, version.deleted) for version in card], where
    assert [row[4] for row in found] == [False] * (len(card) - 1) + [True], where
    assert (found[0][5], found[-1][6]) == (START, END), where
    for earlier, later, version in zip(found, found[1:], card[1:], strict=False):
        assert earlier[6] == later[5], f"{where}: gap or overlap"
        assert later[5] == version.since if version.since else later[5] >= version.not_before, where


def check_stand_in(found: list[tuple[Any, ...]], own_key: str, inferred: bool, where: str) -> None:
    assert [(row[0], *row[1:7]) for row in found] == [(own_key, 1, False, inferred, True, START, END)], where


def check_members(warehouse: Warehouse, members: Members, where: str) -> None:
    entity = members.entity
    found = dimension(warehouse, entity.name, entity.value_column)
    unknown = -1 if entity.name == "product" else "unknown"
    check_stand_in(found.pop(unknown), UNKNOWN, False, where)
    for member, card in members.cards.items():
        check_card(found.pop(member), card, member, f"{where} {entity.name} {member}")
    waiting = members.referenced - set(members.cards)
    assert set(found) == waiting, where
    for member in waiting:
        check_stand_in(found[member], key(member, 1), True, f"{where} {entity.name} {member}")


def check_workers(warehouse: Warehouse, workers: Workers, where: str) -> None:
    found = dimension(warehouse, "employee", "effective_date, cost_center_id, worker_status, tenant_id")
    check_stand_in(found.pop("unknown"), UNKNOWN, False, where)
    today = datetime.combine(workers.today, datetime.min.time())
    expected = workers.versions()
    for worker, entries in expected.items():
        starts = [START, *(datetime.combine(day, datetime.min.time()) for day, _, _ in entries[1:])]
        assert found.pop(worker) == [
            (
                key(worker, day if number else 1), number + 1, gone, False, start <= today < end, start, end,
                day, row["cost_center"], row["worker_status"].lower(), row["company"],
            )
            for number, ((day, row, gone), start, end) in enumerate(
                zip(entries, starts, [*starts[1:], END], strict=True)
            )
        ], f"{where} employee {worker}"  # fmt: skip
    named = {row["manager_id"] for row in workers.standing()} - {None} | {"W77"}
    assert set(found) == named - set(expected), where
    for worker, versions in found.items():
        check_stand_in(versions, key(worker, 1), True, f"{where} employee {worker}")


def check_cost_centers(warehouse: Warehouse, workers: Workers, where: str) -> None:
    found = dimension(warehouse, "cost_center", "tenant_id, country_code, manager_id, has_workers")
    check_stand_in(found.pop("unknown"), UNKNOWN, False, where)
    for center, card in workers.cards.items():
        check_card(found.pop(center), card, center, f"{where} cost centre {center}")
    named = {row["cost_center"] for row in workers.standing()} | {"CC77"}
    assert set(found) == named - set(workers.cards), where
    for center, versions in found.items():
        check_stand_in(versions, key(center, 1), True, f"{where} cost centre {center}")


def stored_keys(warehouse: Warehouse) -> dict[tuple[str, str], tuple[Any, ...]]:
    """What each key stands for: member and start. A worker's first version is named by its number, not by its date."""
    keys = {}
    for name in DIMENSIONS:
        columns = f"{name}_key, {name}_id, valid_from"
        for own_key, *rest in warehouse.query(f"select {columns} from dev_marts.dim_{name}"):
            keys[name, own_key] = tuple(rest)
    return keys


def inferred_keys(warehouse: Warehouse) -> set[tuple[str, str]]:
    """Members that did not land: each is there for as long as a record names it, which the checks above hold it to."""
    return {
        (name, own_key)
        for name in DIMENSIONS
        for (own_key,) in warehouse.query(f"select {name}_key from dev_marts.dim_{name} where is_inferred")
    }


def check_history(warehouse: Warehouse, drawn: int, runs: int) -> None:
    random = Random(drawn)
    ids: dict[str, list[Any]] = {entity.name: [f"{entity.name[0]}'{n}" for n in range(14)] for entity in ENTITIES}
    ids["product"] = list(range(100, 114))
    entities = [Members(entity, ids[entity.name], random) for entity in ENTITIES]
    workers = Workers(random, datetime.now(UTC).date())
    keys: dict[tuple[str, str], tuple[Any, ...]] = {}
    inferred: set[tuple[str, str]] = set()
    for run in range(runs):
        for history in (*entities, workers):
            history.step(run)
            history.write(warehouse)
        ran = datetime.now(UTC)
        for history in (*entities, workers):
            history.observe(ran)
        warehouse.dbt(*(AGAIN if run else FIRST))

        where = f"seed {drawn}, run {run}:"
        for members in entities:
            check_members(warehouse, members, where)
        check_workers(warehouse, workers, where)
        check_cost_centers(warehouse, workers, where)
        now = stored_keys(warehouse)
        moved = {own_key: now[own_key] for own_key in keys.keys() & now.keys() if keys[own_key] != now[own_key]}
        assert not moved, f"{where} keys that meant something else before"
        lost = [own_key for own_key in keys.keys() - now.keys() - inferred if own_key[0] != "employee"]
        assert not lost, f"{where} keys that are no longer there"
        keys, inferred = now, inferred_keys(warehouse)

    late = [card for members in entities for member, card in members.cards.items() if member == members.ids[1]]
    assert len(late) == len(entities), "the member that lands late is missing: the history proves too little"
    assert all(any(version.deleted for version in members.cards[members.ids[0]]) for members in entities)
    assert all(gone for _, _, gone in workers.versions()["W0"]) or runs < 4
    assert warehouse.query(warehouse.compile(EVENTS)) == []
    assert set(warehouse.dbt(*CHECKS).values()) == {"pass"}


def test_dimensions_match_a_naive_history(warehouse: Warehouse) -> None:
    check_history(warehouse, seed(), runs=4)


@pytest.mark.slow
def test_dimensions_match_a_long_naive_history(warehouse: Warehouse) -> None:
    check_history(warehouse, seed(), runs=12)
