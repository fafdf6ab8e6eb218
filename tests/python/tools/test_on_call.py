"""Who is on call: fair for any roles and holidays, the same each time, and refused where no such plan is found."""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import date, timedelta

import pytest
import yaml

from tools import on_call

MONDAY = date(2026, 1, 5)


@pytest.mark.parametrize("case", range(40))
def test_any_rota_is_complete_and_fair(case: int) -> None:
    chance = random.Random(f"{os.environ.get('STRATA_SEED', '0')}-{case}")
    roles = [f"role-{number}" for number in range(chance.randint(3, 5))]
    weeks = chance.randint(1, 110)
    last = MONDAY + timedelta(days=7 * weeks - 1)
    holidays = [
        MONDAY + timedelta(days=chance.randrange(7 * weeks)) for _ in range(chance.randint(0, min(30, weeks // 2)))
    ]
    slots = on_call.plan("any", roles, MONDAY, last, holidays)
    assert slots == on_call.plan("any", roles, MONDAY, last, holidays)
    assert [slot.start for slot in slots] == [MONDAY + timedelta(days=7 * place) for place in range(weeks)]
    assert all(slot.role != slot.backup for slot in slots)
    assert all(a.role != b.role and a.backup == b.role for a, b in zip(slots, slots[1:], strict=False))
    holiday_weeks = [slot for slot in slots if slot.holidays]
    assert sum(slot.holidays for slot in slots) == len(holidays)
    for loads in (
        Counter(s.role for s in slots),
        Counter(s.backup for s in slots),
        Counter(s.role for s in holiday_weeks),
    ):
        counts = [loads[role] for role in roles]
        assert max(counts) - min(counts) <= 1, (roles, weeks, counts)


def test_holidays_that_cannot_be_shared_are_refused() -> None:
    """Who has the one week without a holiday would have to be on call twice running to have as many as the others."""
    days = [MONDAY + timedelta(days=7 * week) for week in range(11) if week != 9]
    with pytest.raises(ValueError, match="rota any: with 5 roles these weeks cannot be shared alike"):
        on_call.plan("any", [f"role-{n}" for n in range(5)], MONDAY, MONDAY + timedelta(days=76), days)


def test_the_plan_in_the_repository_is_what_the_tool_makes() -> None:
    assert on_call.ON_CALL.read_text(encoding="utf-8") == on_call.wanted()


@pytest.mark.parametrize(
    ("roles", "first", "last"),
    [
        (["one"], MONDAY, MONDAY),
        (["one", "one"], MONDAY, MONDAY),
        ([f"role-{n}" for n in range(8)], MONDAY, MONDAY),
        (["one", "two"], date(2026, 1, 6), date(2026, 2, 1)),
        (["one", "two"], MONDAY, date(2026, 1, 4)),
    ],
)
def test_an_unfair_rota_is_refused(roles: list[str], first: date, last: date) -> None:
    with pytest.raises(ValueError, match="rota any"):
        on_call.plan("any", roles, first, last, [])


def test_a_rota_without_holidays_of_its_country_is_refused() -> None:
    document = {"rotas": [{"name": "any", "roles": ["one", "two"], "holiday_country_code": "XX"}]}
    with pytest.raises(ValueError, match="no holidays of XX"):
        on_call.plan_all(document, [{"country_code": "GB", "holiday_date": "2026-01-01"}])


def test_who_is_on_call_from_monday_to_sunday(capsys: pytest.CaptureFixture[str]) -> None:
    assert on_call.main(["who", "--day", "2026-11-16"]) == on_call.main(["who", "--day", "2026-11-22"]) == 0
    printed = capsys.readouterr().out.splitlines()
    rotas = [rota["name"] for rota in yaml.safe_load(on_call.PIPELINES.read_text(encoding="utf-8"))["rotas"]]
    assert sorted(line.partition(":")[0] for line in printed) == sorted(rotas * 2)
    assert printed[: len(rotas)] == printed[len(rotas) :]
    monday, sunday = on_call.who(date(2026, 11, 16)), on_call.who(date(2026, 11, 22))
    assert monday == sunday != on_call.who(date(2026, 11, 23))
    assert on_call.main(["who", "--day", "2035-01-01"]) == 1
    assert "nobody is planned" in capsys.readouterr().err
