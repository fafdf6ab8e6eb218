"""The marts that boards read, as their YAML declares them, with a few rows a person can follow; no dbt run."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import yaml

from tools.dashboards.boards import Board
from tools.dashboards.source import tables_of

ROOT = Path(__file__).resolve().parents[3]
COMPANIES = {"GB10": "Northern Ltd", "DE10": "Südliche GmbH", "US10": "Western Inc"}
MONTHS = [date(2026, month, 1) for month in range(3, 9)]
QUARTERS = [date(2025, 4, 1), date(2025, 7, 1), date(2025, 10, 1), date(2026, 1, 1), date(2026, 4, 1)]
DAY = date(2026, 8, 30)
LOADS = "create table raw_ops.loads as select 'sap' as source, timestamptz '2026-08-30 06:00Z' as finished_at"
Rows = list[dict[str, Any]]


def marts_read_by(boards: list[Board]) -> set[str]:
    """Names of all marts in the SQL of boards."""
    queries = [sql for board in boards for sql in (*board.datasets.values(), board.as_of.sql)]
    return {name for sql in queries for name in tables_of(sql)}


def declared(mart: str) -> dict[str, Any]:
    """What the YAML beside a model says of it."""
    schema, name = mart.split(".")
    (path,) = (ROOT / "models" / schema).rglob(f"{name}.yml")
    (model,) = [model for model in yaml.safe_load(path.read_text("utf-8"))["models"] if model["name"] == name]
    return model


def build(path: Path, marts: set[str], rows: dict[str, Rows]) -> None:
    """A warehouse `path` with these marts in the schemas of target dev, and dbt's manifest in `target` beside it."""
    nodes = {}
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema dev_marts; create schema dev_platform; create schema raw_ops")
        connection.execute(LOADS)
        for mart in sorted(marts):
            schema, name = mart.split(".")
            model = declared(mart)
            columns = ", ".join(f"{column['name']} {column['data_type']}" for column in model["columns"])
            connection.execute(f"create table dev_{schema}.{name} ({columns})")
            for row in rows.get(mart, []):
                marks = ", ".join("?" for _ in row)
                connection.execute(
                    f"insert into dev_{schema}.{name} ({', '.join(row)}) values ({marks})", list(row.values())
                )
            nodes[f"model.strata.{name}"] = {
                "resource_type": "model", "package_name": "strata", "access": "public", "database": path.stem,
                "schema": f"dev_{schema}", "name": name, "alias": name, "description": model["description"],
                "columns": {
                    column["name"]: {**column, "description": _described(column["description"])}
                    for column in model["columns"]
                },
                "config": {"schema": schema}, "depends_on": {"nodes": []},
            }  # fmt: skip
    target = path.parent / "target"
    target.mkdir(exist_ok=True)
    manifest = {"metadata": {"adapter_type": "duckdb", "project_name": "strata"}, "nodes": nodes}
    (target / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def _described(text: str) -> str:
    return text if "{{" not in text else "A text of docs/columns."


def rows_of_a_company() -> dict[str, Rows]:
    """Rows for each mart that the boards read."""
    tenants = [{"tenant_id": tenant, "tenant_name": name} for tenant, name in COMPANIES.items()]
    plants = [{"plant_key": f"k{plant}", "plant_id": str(plant), "plant_name": f"Works {plant}"} for plant in (1, 2)]
    return {
        "marts.dim_tenant": tenants,
        "marts.dim_plant": plants,
        "marts.rpt_scm_dashboard": _scm(),
        "marts.fct_shipments": [
            {"shipment_key": f"{month}{plant}{mode}", "plant_key": f"k{plant}", "shipment_status": "delivered",
             "transport_mode": mode, "weight_kg": 10, "shipped_date": month,
             "delivered_date": month + timedelta(days=9)}
            for month in MONTHS for plant in (1, 2) for mode in ("road", "sea", None)
        ],
        "marts.obt_procurement": _procurement(),
        **_clients(),
        **_investors(),
        **_platform(),
    }  # fmt: skip


def _scm() -> Rows:
    members = [("all", "all", "all"), ("plant", "1", "Works 1"), ("plant", "2", "Works 2"), ("supplier", "S1", "Smith")]
    found = []
    for level, member, name in members:
        for number, month in enumerate(MONTHS):
            by_plant = {"stock_weight_kg": 1000 + number, "stockout_share": 0.01} if level != "supplier" else {}
            by_supplier = {"otif_share": 0.6} if level != "plant" else {}
            found.append({
                "dashboard_key": f"{level}{member}{month}", "dashboard_level": level, "member_id": member,
                "member_name": name, "month_start_date": month,
                "shipment_count": {"all": 30, "1": 11, "2": 19}.get(member, 5),
                "measured_line_count": 0 if level == "plant" else 9,
                "conflict_count": 0, "measured_shipment_count": 10, "on_time_share": 0.7 + number / 100,
                "weight_kg": 500, "freight_amount_gbp": 1000 + 10 * number, "freight_per_kg_amount_gbp": 2,
                **by_plant, **by_supplier,
            })  # fmt: skip
    return found


def _procurement() -> Rows:
    stages = ("ordered", "received", "invoiced", "paid")
    return [
        {"purchase_order_line_key": f"{tenant}{month}{stage}", "tenant_id": tenant, "supplier_id": "S1",
         "supplier_name": "Smith", "supplier_country_name": "Italy" if stage == "paid" else None,
         "current_stage": stage, "net_amount_gbp": 100, "is_three_way_matched": stage == "paid", "is_on_time": True,
         "days_ordered_to_received": 30, "days_ordered_to_paid": 80, "is_deleted": False, "purchase_order_date": month,
         "due_date": month, "paid_date": month if stage == "paid" else None}
        for tenant in COMPANIES for month in MONTHS for stage in stages
    ]  # fmt: skip


def _clients() -> dict[str, Rows]:
    weekly = [
        {"partner_bank_week_key": f"{tenant}{client}{week}", "client_id": f"{tenant}-{client}", "tenant_id": tenant,
         "bank_group": "HSBC", "suggested_action": "Call" if client else "Nothing to do", "client_name": "Secret Name",
         "industry_name": "Retail", "evidence": "relationship", "status_change": "new" if week == 3 else "lost",
         "balance_gbp": 500, "balance_band": None, "payment_count_13w": 4, "payment_amount_13w_gbp": 1000 + week,
         "wallet_share_13w": 0.5, "at_stake_gbp": 250, "is_partner_client": True, "is_at_risk": client == 1,
         "week_end_date": DAY - timedelta(weeks=week)}
        for tenant in COMPANIES for client in range(2) for week in range(4)
    ]  # fmt: skip
    now = [row for row in weekly if row["week_end_date"] == DAY]
    return {"marts.rpt_partner_bank_client_indicators": weekly, "marts.rpt_hsbc_client_indicators": now}


def _investors() -> dict[str, Rows]:
    keys = [(tenant, number, quarter) for tenant in COMPANIES for number, quarter in enumerate(QUARTERS)]
    profit = [
        {"profit_quarter_key": f"{t}{q}", "tenant_id": t, "net_revenue_amount_gbp": 1000 + 100 * n,
         "cost_amount_gbp": 400, "freight_amount_gbp": 50, "incentive_amount_gbp": 30,
         "contribution_amount_gbp": 520 + 100 * n,
         "other_cost_of_sales_amount_gbp": 20, "operating_cost_amount_gbp": 300,
         "operating_profit_amount_gbp": 200 + 100 * n, "is_complete": True, "quarter_start_date": q}
        for t, n, q in keys
    ]  # fmt: skip
    growth = [
        {"growth_quarter_key": f"{t}{q}", "tenant_id": t, "quarter_start_date": q, "sign_up_count": 9,
         "activation_count": 5, "lost_client_count": 2, "net_new_client_count": 3, "active_client_count": 40 + n,
         "revenue_amount_gbp": 1000 + 100 * n, "is_complete": True}
        for t, n, q in keys
    ]  # fmt: skip
    engagement = [
        {"engagement_quarter_key": f"{t}{q}", "tenant_id": t, "quarter_start_date": q, "active_client_count": 40,
         "session_count": 100, "anonymous_session_count": 10, "interaction_count": 300, "action_count": 80,
         "time_spent_seconds": 7200, "is_complete": True}
        for t, n, q in keys
    ]  # fmt: skip
    return {
        "marts.agg_profit_quarterly": profit,
        "marts.agg_growth_quarterly": growth,
        "marts.agg_engagement_quarterly": engagement,
    }


def _platform() -> dict[str, Rows]:
    teams = ("sales-analytics", "data-platform")
    scores = [
        {"quality_score_key": f"{team}{day}", "dataset_name": f"fct_{team[:4]}", "dataset_kind": "mart",
         "tenant_id": "all", "owner_team": team, "measured_date": DAY - timedelta(days=day), "completeness": 99,
         "validity": 90,
         "quality_score": 95 - day, "is_alert": False}
        for team in teams for day in range(3)
    ]  # fmt: skip
    scorecard = [{"tenant_id": tenant, "measured_date": DAY, "quality_score": 97} for tenant in ("all", *COMPANIES)]
    tests = [
        {"node_invocation_key": f"{team}{failed}", "owner_team": team, "is_failed": failed,
         "started_at": "2026-08-30 05:00"}
        for team in teams for failed in (True, False)
    ]  # fmt: skip
    freshness = [{"node_invocation_key": team, "owner_team": team, "dataset_name": f"raw.{team}",
                  "hours_since_landed": 5, "error_after_hours": 48, "freshness_status": "pass", "is_late": False,
                  "measured_at": "2026-08-30 05:00"} for team in teams]  # fmt: skip
    points = [{"spc_point_key": f"{team}{day}", "measure_name": "row_count", "owner_team": team, "broken_rules": "",
               "measured_date": DAY - timedelta(days=day)} for team in teams for day in range(3)]  # fmt: skip
    due = [{"dataset_name": f"raw_{team}", "owner_team": team, "legal_basis": "contract", "retention_period": "6 years",
            "purge_action": "delete", "rows_due": 12, "rows_overdue": 4, "rows_due_in_90_days": 3, "rows_held": 0,
            "measured_at": "2026-08-30 05:00"} for team in teams]  # fmt: skip
    done = [{"retention_action_key": "a", "action_cause": "policy", "action_name": "delete", "rows_done": 7,
             "done_at": "2026-08-29 05:00"}]  # fmt: skip
    return {
        "platform.agg_quality_scores": scores,
        "platform.rpt_quality_scorecard": scorecard,
        "platform.fct_test_results": tests,
        "platform.fct_freshness": freshness,
        "platform.fct_spc_points": points,
        "platform.rpt_retention_due": due,
        "platform.fct_retention_actions": done,
    }
