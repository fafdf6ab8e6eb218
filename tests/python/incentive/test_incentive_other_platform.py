"""A server of another make, with faults below HTTP: the tables are true all the same."""

from __future__ import annotations

import os
from collections import Counter

from other_platform import KINDS, OtherPlatform
from support import platforms
from support.platforms import hashes, payout

from ingestion.provenance import row_hash

SEED = int(os.environ.get("STRATA_SEED", "1"))


def test_faults_below_http_cost_nothing(point_at, warehouse, rows, record_property):
    print(f"seed {SEED}")
    records = {"plans": [], "payouts": [payout(number, 1 + number // 3) for number in range(1000)]}
    with OtherPlatform(records, seed=SEED, share=0.4) as server:
        point_at(server, timeout_seconds="0.3", max_attempts="12")
        assert platforms.load("incentive") == 0
        assert set(server.struck) == set(KINDS)
        first = len(server.struck)
        records["payouts"][990:] = [payout(number, 400 + number) for number in range(990, 1005)]
        assert platforms.load("incentive") == 0
    print(Counter(server.struck))
    record_property("faults", len(server.struck))
    assert first > 40
    assert hashes(warehouse, "incentive", "payouts") == sorted((row_hash(r), False) for r in records["payouts"])
    assert rows("select count(*) from raw_ops.dead_letters") == [(0,)]


def test_a_server_that_only_fails_is_named_and_the_next_run_recovers(point_at, warehouse, capsys):
    records = {"plans": [], "payouts": [payout(number, number) for number in range(20)]}
    with OtherPlatform(records, seed=SEED, share=0.0) as server:
        point_at(server, timeout_seconds="0.3", max_attempts="3")
        assert platforms.load("incentive") == 0
        records["payouts"].append(payout(99, 99))
        server.share = 1.0
        assert platforms.load("incentive") == 1
        assert "incentive" in capsys.readouterr().err
        assert len(hashes(warehouse, "incentive", "payouts")) == 20
        server.share = 0.0
        assert platforms.load("incentive") == 0
    assert len(hashes(warehouse, "incentive", "payouts")) == 21
