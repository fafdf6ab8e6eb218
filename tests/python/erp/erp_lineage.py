"""What a model's SQL takes from where, read with a parser: the truth that the contracts' mappings are held against."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp

_REF = re.compile(r"\{\{\s*ref\('(\w+)'\)\s*\}\}")
_KEY = re.compile(r"\{\{\s*dbt_utils\.generate_surrogate_key\(\[([^\]]*)\]\)\s*\}\}")


def parse(text: str) -> exp.Query:
    """A model's SQL as a tree; ref() becomes the model's name and a surrogate key the hash of its columns."""
    text = _KEY.sub(lambda match: f"md5(concat({match.group(1).replace(chr(39), '')}))", text)
    query = sqlglot.parse_one(_REF.sub(r"\1", text), dialect="duckdb")
    if not isinstance(query, exp.Query):
        raise TypeError(f"not a query: {text[:80]}")
    return query


def cte(query: exp.Query, name: str) -> exp.Select:
    """The common table expression of that name.

    Raises:
        LookupError: there is none.
    """
    found = next((item.this for item in query.ctes if item.alias == name), None)
    if not isinstance(found, exp.Select):
        raise LookupError(f"no CTE named {name}")
    return found


def imports(query: exp.Query) -> dict[str, str]:
    """Model behind each import CTE: `with orders as (select * from {{ ref('stg_x') }})`."""
    names = {item.alias for item in query.ctes}
    models = {}
    for item in query.ctes:
        tables = list(item.this.find_all(exp.Table))
        if item.this.is_star and len(tables) == 1 and tables[0].name not in names:
            models[item.alias] = tables[0].name
    return models


def outputs(query: exp.Query, name: str) -> dict[str, exp.Expression]:
    """Expression of each column of a CTE, in order, over the models' columns in place of those of other CTEs."""
    models = imports(query)
    found = {}
    for item in cte(query, name).expressions:
        found[item.alias_or_name] = item.unalias().transform(
            lambda node: _at_model(query, models, node) if isinstance(node, exp.Column) else node
        )
    return found


def _at_model(query: exp.Query, models: dict[str, str], column: exp.Column) -> exp.Expression:
    if column.table in models:
        return exp.column(column.name, table=models[column.table])
    return outputs(query, column.table)[column.name]


def essence(expression: exp.Expression) -> str | None:
    """An expression as a mapping writes it: null for a typed null, a column without its cast, else the SQL."""
    expression = expression.unnest()
    if isinstance(expression, exp.Cast) and isinstance(expression.this, exp.Column | exp.Null):
        expression = expression.this
    return None if isinstance(expression, exp.Null) else expression.sql(dialect="duckdb").lower()


def columns(expression: exp.Expression) -> set[tuple[str, str]]:
    """(model, column) of everything that an expression reads."""
    return {(column.table, column.name) for column in expression.find_all(exp.Column)}
