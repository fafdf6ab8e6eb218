"""Random and hostile records through the landing into a real warehouse: the load ends and nothing is lost."""

from __future__ import annotations

import os
from pathlib import Path

import dlt
import duckdb
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from ingestion import ops, runner, warehouse
from ingestion.contract import load_contracts
from ingestion.landing import Delivered, Landing

SEED = int(os.environ.get("STRATA_SEED", "1"))
GOOD = {
    "payment_id": "P1", "client_id": "C1", "bank_bic": "HBUKGB4BXXX", "executed_at": "2026-09-30T13:00:00Z",
    "amount": 12.5, "currency": "GBP", "direction": "outgoing", "status": "executed",
    "modified_at": "2026-09-30T13:00:01Z",
}  # fmt: skip
DEEP = {"a": 1}
for _ in range(60):
    DEEP = {"a": DEEP}
HOSTILE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just(2**70), st.just(-(10**40)), st.floats(), st.just("\ud800"),
    st.just("a\x00b"), st.just(""), st.text(), st.just(DEEP), st.just([[[[1]]]]), st.just({"": {"": None}}),
    st.just("x" * 10_000_000), st.just("/Date(99999999999999)/"), st.just("9999-12-31T23:59:59Z"),
    st.just("0000-00-00"), st.just(1e308),
)  # fmt: skip
NAMES = st.one_of(
    st.sampled_from([*GOOD, "Foo", "foo", "_row_hash", "_dlt_id", "payment__id", "select", "a b", "é", ""]),
    st.text(max_size=8),
)
RECORD = st.one_of(
    st.just(GOOD),
    st.builds(lambda changes: GOOD | changes, st.dictionaries(NAMES, HOSTILE, max_size=3)),
    st.builds(lambda key: GOOD | {"payment_id": key}, st.text(min_size=1, max_size=5)),
    st.dictionaries(NAMES, HOSTILE, max_size=4),
    HOSTILE,
)


@pytest.mark.parametrize("examples", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_the_load_ends_and_every_record_is_in_one_place(examples: int, tmp_path: Path, monkeypatch):
    print(f"seed {SEED}")
    runs = iter(range(10_000))

    @seed(SEED)
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(records=st.lists(RECORD, min_size=5, max_size=60))
    def holds(records: list) -> None:
        path = tmp_path / f"{next(runs)}.duckdb"
        monkeypatch.setenv("STRATA_WAREHOUSE", str(path))
        land(records)
        with duckdb.connect(str(path)) as connection:
            read, good, rejected = connection.execute(
                "select rows_read, rows_good, rows_rejected from raw_ops.loads where dataset = 'payments'"
            ).fetchone()
            assert (read, good + rejected) == (len(records), len(records))
            letters = connection.execute("select count(*) from raw_ops.dead_letters").fetchone()[0]
            assert (letters > 0) == (rejected > 0) and letters <= rejected
            landed = (
                connection.execute("select payment_id from raw_emerald.payments order by 1").fetchall() if good else []
            )
            keys = [key for (key,) in landed]
            assert len(keys) == len(set(keys)) and (len(keys) > 0) == (good > 0)

    holds()


def land(records: list) -> None:
    contracts = load_contracts("emerald")
    pipeline = warehouse.make_pipeline("emerald")
    landing = Landing(contracts, "run")

    def read():
        yield from landing.batch("payments", [Delivered(record, f"payments#{n}") for n, record in enumerate(records)])
        yield from landing.finish("payments")

    runner.run_resources(pipeline, [dlt.resource(read(), name="hostile")])
    ops.sweep(pipeline, "emerald")
