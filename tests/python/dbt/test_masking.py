"""Analysts see nobody: masked views on DuckDB, masking policies on Snowflake, both from the columns' sensitivity."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
import yaml
from harness import ROOT
from sqlfluff.core import Linter
from support.plain_macros import CompilerError, plain_macros

VARS = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
TYPES = {
    "person_id": "varchar", "person_key": "varchar", "full_name": "varchar", "born_date": "date",
    "seen_at": "timestamp", "landed_at": "timestamptz", "tenure_days": "integer", "pay_amount": "decimal(18,4)",
    "is_ill": "boolean",
}  # fmt: skip


def column(name: str, sensitivity: str | None = None, mask: str | None = None) -> dict[str, Any]:
    meta = {key: value for key, value in (("sensitivity", sensitivity), ("mask", mask)) if value}
    return {"name": name, "data_type": TYPES[name], "config": {"meta": meta}}


def node(name: str, *columns: dict[str, Any], schema: str = "marts", kind: str = "model") -> SimpleNamespace:
    config = SimpleNamespace(schema=schema, materialized="table")
    return SimpleNamespace(
        name=name, alias=name, identifier=name, database="memory", schema=f"dev_{schema}", resource_type=kind,
        config=config, columns={one["name"]: one for one in columns}, unique_id=f"{kind}.strata.{name}",
        relation_name=f"dev_{schema}.{name}",
    )  # fmt: skip


PEOPLE = node(
    "dim_person", column("person_key", "personal"), column("person_id", "personal"), column("full_name", "personal"),
    column("born_date", "personal"), column("tenure_days", "personal", "whole_years"),
    column("pay_amount", "confidential"), column("is_ill"),
)  # fmt: skip
VISITS = node("fct_visits", column("person_id", "personal"), column("pay_amount", "confidential"))
LANDED = node(
    "people", column("person_id", "personal"), column("full_name", "personal"), column("born_date", "restricted"),
    column("seen_at", "restricted"), column("landed_at", "personal"), column("pay_amount", "restricted"), schema="raw",
    kind="source",
)  # fmt: skip


def macros(dialect: str = "duckdb", answer: Any = None, model: Any = PEOPLE, **context: Any) -> dict[str, Any]:
    """macros/access for a warehouse, without dbt."""
    known: dict[str, Any] = {}

    def dispatch(name: str) -> Any:
        return known.get(f"{dialect}__{name}") or known[f"default__{name}"]

    known.update(
        plain_macros(
            "macros/access",
            answer or (lambda _: SimpleNamespace(rows=[])),
            **{
                "var": lambda name: VARS[name],
                "adapter": SimpleNamespace(dispatch=dispatch, quote=lambda name: f'"{name}"'),
                "dbt": SimpleNamespace(date_trunc=lambda part, value: f"date_trunc('{part}', {value})"),
                "target": SimpleNamespace(database="memory", name=dialect, type=dialect, schema="dev"),
                "generate_schema_name": lambda layer, _: f"dev_{layer}",
                "flags": SimpleNamespace(WHICH="build"),
                "model": model,
                "this": f"dev_marts.{model.name}",
                "graph": SimpleNamespace(nodes={one.name: one for one in (PEOPLE, VISITS)}, sources={"people": LANDED}),
                **context,
            },
        )
    )
    return known


@pytest.fixture
def warehouse() -> duckdb.DuckDBPyConnection:
    """Two marts with their masked views, of people whose data is ordinary, missing and hostile."""
    connection = duckdb.connect()
    connection.execute("create schema dev_marts; create schema dev_raw")
    connection.execute(
        "create table dev_marts.dim_person as select * from (values"
        " ('k1', 'P-00001', 'Ada'' or 1=1 --', date '1990-05-17', 800, 10.5000, false),"
        " ('k2', 'P-00002', null, null, null, null, null), ('k3', '', '', date '1988-12-31', 364, 3, true)"
        ") as v (person_key, person_id, full_name, born_date, tenure_days, pay_amount, is_ill);"
        "create table dev_marts.fct_visits as select * from (values"
        " ('P-00001', 1.5), ('P-00001', 2.5), ('P-00002', 4), (null, 8)) as v (person_id, pay_amount)"
    )
    for model in (PEOPLE, VISITS):
        known = macros(model=model, this=f'"dev_marts"."{model.name}"')
        for statement in known["default__masking_ground"]():
            connection.execute(statement)
        masks = known["masked_columns"](model)
        view = known["masked_select"](model.columns, masks, f"dev_marts.{model.name}")
        connection.execute(f"create or replace view dev_masked.{model.name} as {view}")
    return connection


def test_a_masked_view_keeps_rows_and_sums_and_shows_nobody(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "select full_name, born_date::varchar, tenure_days, pay_amount::float, is_ill from dev_masked.dim_person"
        " order by pay_amount desc nulls last"
    ).fetchall()
    assert rows == [
        ("masked", "1990-01-01", 730, 10.5, False), ("masked", "1988-01-01", 0, 3, True), (None,) * 5,
    ]  # fmt: skip
    described = (
        "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = 'dim_person'"
    )
    assert (
        warehouse.execute(described, ["dev_masked"]).fetchall()
        == warehouse.execute(described, ["dev_marts"]).fetchall()
    )


def test_pseudonyms_join_and_are_not_a_plain_digest(warehouse: duckdb.DuckDBPyConnection) -> None:
    joined = (
        "select count(*), sum(v.pay_amount)::float, count(distinct v.person_id) from dev_{0}.fct_visits as v"
        " inner join dev_{0}.dim_person as p on v.person_id = p.person_id"
    )
    assert (
        warehouse.execute(joined.format("masked")).fetchall()
        == warehouse.execute(joined.format("marts")).fetchall()
        == [(3, 8.0, 2)]
    )
    guessed = "p-" + hashlib.sha256(b"P-00001").hexdigest()[:24]
    assert warehouse.execute(
        "select count(*) from dev_masked.dim_person where person_id = ?", [guessed]
    ).fetchall() == [(0,)]


def test_the_key_is_made_once_and_another_one_gives_other_pseudonyms(warehouse: duckdb.DuckDBPyConnection) -> None:
    seen = "select person_id from dev_masked.dim_person order by all"
    before = warehouse.execute(seen).fetchall()
    for statement in macros()["default__masking_ground"]():
        warehouse.execute(statement)
    assert warehouse.execute(seen).fetchall() == before
    assert warehouse.execute("select count(*) from ops.mask_keys").fetchall() == [(1,)]
    warehouse.execute("update ops.mask_keys set mask_key = 'another'")
    assert not set(before) & set(warehouse.execute(seen).fetchall())


@pytest.mark.parametrize(
    ("name", "sensitivity", "mask"),
    [
        ("is_ill", "personal", None),
        ("pay_amount", "personal", None),
        ("seen_at", "confidential", None),
        ("full_name", "secret", None),
        ("full_name", "personal", "none"),
    ],
)
def test_a_sensitive_column_without_a_rule_stops_the_build(name: str, sensitivity: str, mask: str | None) -> None:
    with pytest.raises(CompilerError, match=rf"dim_x\.{name} is {sensitivity}"):
        macros()["masked_columns"](node("dim_x", column("person_id"), column(name, sensitivity, mask)))


def test_what_is_not_sensitive_has_no_mask() -> None:
    plain = node("dim_x", column("person_id"), column("full_name", "public"), column("is_ill", "internal"))
    assert macros()["masked_columns"](plain) == {}
    assert macros(model=plain)["mask_model"]() == ""
    assert "dev_masked" in macros()["mask_model"]()
    assert macros(model=node("int_x", column("person_id", "personal"), schema="intermediate"))["mask_model"]() == ""


def leaks(warehouse: duckdb.DuckDBPyConnection, listed: list[str]) -> list[tuple[Any, ...]]:
    """What tests/access/masked_views_name_nobody.sql would find."""
    tables = "select count(*) from information_schema.tables where table_schema = ? and table_name = ?"
    known = macros(
        has_table=lambda _, schema, name: warehouse.execute(tables, [schema, name]).fetchall()[0][0] > 0,
        model=SimpleNamespace(name="test", depends_on=SimpleNamespace(nodes=listed)),
    )
    return warehouse.execute(
        f"with personal as ({known['personal_texts']()}), shown as ({known['masked_texts']()})"
        " select relation_name, column_name, what_is_wrong from shown left join personal"
        " on shown.shown_text = personal.personal_text where what_is_wrong <> '' or personal_text is not null"
    ).fetchall()


def test_a_value_that_shows_through_is_found(warehouse: duckdb.DuckDBPyConnection) -> None:
    listed = [PEOPLE.unique_id, VISITS.unique_id]
    assert leaks(warehouse, listed) == []
    warehouse.execute(
        "create table dev_raw.people as select * exclude (person_key), full_name as comment from dev_marts.dim_person"
    )
    assert leaks(warehouse, listed) == []
    warehouse.execute("create or replace view dev_masked.fct_visits as select * from dev_marts.fct_visits")
    assert set(leaks(warehouse, listed)) == {("fct_visits", "person_id", "")}
    warehouse.execute("drop view dev_masked.fct_visits")
    assert leaks(warehouse, listed[:1]) == [
        ("fct_visits", "", "is not listed in this test"), ("fct_visits", "", "has no masked view: build it"),
    ]  # fmt: skip


def test_snowflake_has_a_policy_for_each_class_and_kind() -> None:
    statements = macros("snowflake")["snowflake__masking_ground"]()
    created = [text for text in statements if text.startswith("create masking policy")]
    names = {text.split(" as (val ")[0].rsplit(".", 1)[1] for text in created}
    assert names == {
        "mask_personal_key_pseudonym", "mask_personal_text_fixed", "mask_personal_date_year",
        "mask_personal_integer_whole_years", "mask_personal_timestamptz_year", "mask_restricted_date_empty",
        "mask_restricted_timestamp_empty", "mask_restricted_number_empty_decimal_18_4",
    }  # fmt: skip
    for text in created:
        _, _, rest = text.partition(" as (val ")
        taken, _, returned = rest.partition(") returns ")
        assert returned.startswith(f"{taken} -> case when is_role_in_session('STRATA_SEES_"), text
    assert len([text for text in statements if text.startswith("alter masking policy")]) == len(created)
    key = next(text for text in created if "personal_key" in text)
    assert (
        "is_role_in_session('STRATA_SEES_PERSONAL') then val else 'p-' || left(sha2(memory.dev_masked.mask_key()" in key
    )


def test_snowflake_attaches_policies_to_tables_and_not_to_views() -> None:
    known = macros("snowflake")
    attached = known["mask_model"]().split(";\n")
    assert attached[0] == (
        "alter table dev_marts.dim_person modify column person_key set masking policy"
        " memory.dev_masked.mask_personal_key_pseudonym force"
    )
    assert len(attached) == 5, "what is shown has no policy"
    view = node("dim_current", column("person_id", "personal"))
    view.config.materialized = "view"
    assert macros("snowflake", model=view)["mask_model"]() == ""


@pytest.mark.parametrize("off", ["emulator", "var"])
def test_snowflake_without_masking_policies_gets_none(off: str) -> None:
    context: dict[str, Any] = {"var": lambda name: False if name == "masking_policies" else VARS[name]}
    if off == "emulator":
        target = SimpleNamespace(database="memory", name="snowflake_emulator", type="snowflake", schema="dev")
        context = {"target": target}
    known = macros("snowflake", **context)
    assert (known["prepare_masking"](), known["mask_model"]()) == ("", "")


def test_snowflake_can_parse_what_is_sent() -> None:
    known = macros("snowflake")
    statements = [*known["snowflake__masking_ground"](), *known["mask_model"]().split(";\n")]
    parsed = Linter(dialect="snowflake").parse_string(";\n".join(statements) + ";\n")
    assert [str(violation) for violation in parsed.violations] == []


def test_apply_masking_reaches_what_dbt_does_not_build() -> None:
    sent: list[str] = []

    def answer(sql: str) -> Any:
        sent.append(sql)
        return SimpleNamespace(rows=[])

    known = macros("snowflake", answer, print=lambda _: None)
    known["adapter"].get_relation = lambda *place: _Relation(*place[1:])
    known["apply_masking"]()
    assert [text for text in sent if text.startswith("alter table dev_raw.people ")]
    assert not [text for text in sent if "fct_visits" in text]
    with pytest.raises(CompilerError, match="masked views"):
        macros()["apply_masking"]()


class _Relation:
    """A relation as dbt's adapter gives it; visits are a view."""

    def __init__(self, schema: str, name: str) -> None:
        self.text, self.is_table = f"{schema}.{name}", name != "fct_visits"

    def __str__(self) -> str:
        return self.text


def allow_deletion(dialect: str, role: str | None) -> None:
    """What a purge and an erasure ask before anything else."""
    target = SimpleNamespace(type=dialect)
    answer = SimpleNamespace(rows=[(role,)])
    known = plain_macros("macros/retention", lambda _: answer, target=target, var=lambda name: VARS[name])
    known["allow_deletion"](True, False)


@pytest.mark.parametrize("role", ["TRANSFORMER", "ACCOUNTADMIN", None, ""])
def test_purging_on_snowflake_takes_its_own_role(role: str | None) -> None:
    with pytest.raises(CompilerError, match="are for role STRATA_PURGE, and"):
        allow_deletion("snowflake", role)


def test_the_right_role_gets_past_that_and_duckdb_has_none() -> None:
    try:
        allow_deletion("snowflake", "STRATA_PURGE")
    except CompilerError as other:  # of what comes behind it, as long as no purge runs on Snowflake
        assert "are for role" not in str(other)
    with pytest.raises(CompilerError) as refused:
        allow_deletion("snowflake", "PUBLIC")
    assert "STRATA_PURGE" in str(refused.value)
    allow_deletion("duckdb", None)


def test_every_sensitive_column_of_the_project_has_a_rule() -> None:
    known, seen = macros(), 0
    for path in [*(ROOT / "models").rglob("*.yml"), *(ROOT / "snapshots").rglob("*.yml")]:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}  # noqa: S506 - safe, in C
        entries = [*document.get("models", []), *document.get("snapshots", [])]
        entries += [table for source in document.get("sources", []) for table in source["tables"]]
        for entry in entries:
            columns = entry.get("columns") or []
            listed = SimpleNamespace(name=entry["name"], columns={one["name"]: one for one in columns})
            seen += len(known["masked_columns"](listed))
    assert seen > 90


@pytest.mark.parametrize(
    ("name", "kind", "mask"),
    [
        ("worker_id", "key", "pseudonym"),
        ("legal_name", "text", "fixed"),
        ("hired_at", "timestamp", "year"),
        ("hire_date", "date", "year"),
    ],
)
def test_a_column_without_a_type_is_known_by_its_name(name: str, kind: str, mask: str) -> None:
    plain = {"name": name, "config": {"meta": {"sensitivity": "personal"}}}
    found = macros()["masked_columns"](SimpleNamespace(name="stg_x", columns={name: plain}))
    assert (found[name]["kind"], found[name]["mask"]) == (kind, mask)
    flag = {**plain, "name": "is_ill"}
    with pytest.raises(CompilerError, match="boolean"):
        macros()["masked_columns"](SimpleNamespace(name="stg_x", columns={"is_ill": flag}))
