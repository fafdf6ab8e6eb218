"""Repairs made to the statement before fakesnow translates it: on its syntax tree, or on its text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import sqlglot
from sqlglot import Expr, exp
from sqlglot.errors import SqlglotError

_CREATE_FUNCTION = re.compile(
    r"CREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\s+(?P<name>\S+?)\s*\((?P<arguments>.*?)\)\s*"
    r"RETURNS\s+(?P<type>\w+(?:\s*\([\d, ]+\))?)(?P<options>.*?)\bAS\s+(?:\$\$(?P<body>.*?)\$\$|'(?P<quoted>.*?)')",
    re.IGNORECASE | re.DOTALL,
)


def strip_comments(sql: str) -> str:
    """The statement without block comments (dbt prefixes one to every query) and the closing semicolon."""
    return re.sub(r"/\*.*?\*/", " ", sql, flags=re.DOTALL).strip().rstrip(";").strip()


def first_word(sql: str) -> str:
    """The statement's first keyword in upper case, or an empty string."""
    words = strip_comments(sql).split(maxsplit=1)
    return words[0].upper() if words else ""


def drop_temporary_property(tree: Expr) -> Expr:
    """Turn a temporary table or view with a schema into a plain one; dbt drops its own, and names are unique."""
    if isinstance(tree, exp.Create) and tree.kind in ("TABLE", "VIEW") and (properties := tree.args.get("properties")):
        table = tree.find(exp.Table)
        if table is not None and table.db:
            kept = [item for item in properties.expressions if not isinstance(item, exp.TemporaryProperty)]
            properties.set("expressions", kept)
    return tree


def drop_table_constraints(tree: Expr) -> Expr:
    """Keep only the columns of CREATE TABLE (columns, PRIMARY KEY (..)) AS SELECT; Snowflake does not enforce keys."""
    if (
        isinstance(tree, exp.Create)
        and tree.kind == "TABLE"
        and isinstance(tree.this, exp.Schema)
        and tree.expression is not None
    ):
        tree.this.set("expressions", [item for item in tree.this.expressions if isinstance(item, exp.ColumnDef)])
    return tree


def name_declared_columns(tree: Expr) -> Expr:
    """Write out the `*` of CREATE TABLE (columns) AS SELECT * as those columns: fakesnow looks them up and cannot."""
    if isinstance(tree, exp.Create) and tree.kind == "TABLE" and isinstance(tree.this, exp.Schema) and tree.expression:
        query = tree.expression.unnest()
        declared = [item for item in tree.this.expressions if isinstance(item, exp.ColumnDef)]
        if isinstance(query, exp.Select) and declared and [type(item) for item in query.expressions] == [exp.Star]:
            query.set("expressions", [exp.Column(this=item.this.copy()) for item in declared])
    return tree


def merge_branches(merge: exp.Merge) -> list[exp.When]:
    """The WHEN clauses of a MERGE."""
    whens = merge.args["whens"]
    return list(whens.expressions) if isinstance(whens, exp.Whens) else list(whens)


def _columns(tree: Expr) -> Iterator[exp.Column]:
    if isinstance(tree, exp.Column):
        yield tree
    else:
        yield from tree.find_all(exp.Column)


def qualify_merge_columns(tree: Expr) -> Expr:
    """Name the source for every unqualified column that a MERGE writes, as Snowflake resolves it."""
    if not isinstance(tree, exp.Merge):
        return tree
    source = tree.args["using"]
    alias = source.args.get("alias")
    source_name = alias.this if alias is not None else source.this
    for branch in merge_branches(tree):
        then = branch.args.get("then")
        if isinstance(then, exp.Insert) and then.expression is not None:
            values = list(then.expression.expressions)
        elif isinstance(then, exp.Update):
            values = [assignment.expression for assignment in then.expressions]
        else:
            values = []
        for column in (column for value in values for column in _columns(value)):
            if not column.table:
                column.set("table", source_name.copy())
    return tree


def mark_recursive(tree: Expr) -> Expr:
    """Mark WITH as recursive where a common table expression reads itself."""
    for with_clause in tree.find_all(exp.With):
        for cte in with_clause.expressions:
            reads_itself = isinstance(cte.this, exp.Union) and any(
                table.name.upper() == cte.alias.upper() and not table.db for table in cte.this.find_all(exp.Table)
            )
            if reads_itself:
                with_clause.set("recursive", True)
    return tree


TREE_REPAIRS: dict[str, Callable[[Expr], Expr]] = {
    "temporary_objects": drop_temporary_property,
    "table_constraints": drop_table_constraints,
    "contract_star": name_declared_columns,
    "merge_source_columns": qualify_merge_columns,
    "recursive_cte": mark_recursive,
}


def normalise_stage_paths(sql: str) -> str:
    """Rewrite dlt's '@"SCHEMA"."%TABLE"/"load"' and its quoted copy options to the plain form fakesnow reads."""
    word = first_word(sql)
    if word not in ("PUT", "COPY", "REMOVE"):
        return sql
    sql = re.sub(r"'@([^']*)'", lambda match: "@" + match[1].replace('"', ""), sql)
    sql = re.sub(r"MATCH_BY_COLUMN_NAME\s*=\s*'(\w+)'", r"MATCH_BY_COLUMN_NAME=\1", sql, flags=re.IGNORECASE)
    file_format = r"FILE_FORMAT\s*=\s*\(\s*TYPE\s*=\s*'(\w+)'[^)]*\)"
    sql = re.sub(file_format, r"FILE_FORMAT=(TYPE=\1)", sql, flags=re.IGNORECASE)
    if word == "PUT":
        sql = re.sub(r"(TRUE|FALSE)\s*,\s*(AUTO_COMPRESS|OVERWRITE|PARALLEL)", r"\1 \2", sql, flags=re.IGNORECASE)
    return sql


def split_batch(sql: str) -> list[str]:
    """The statements of a request that holds several; empty when it holds one or cannot be split safely."""
    if ";" not in sql:
        return []
    try:
        trees = sqlglot.parse(sql, read="snowflake")
    except SqlglotError:
        return []
    statements = [tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon)]
    if len(statements) < 2 or any(isinstance(tree, exp.Command) for tree in statements):
        return []
    return [tree.sql(dialect="snowflake") for tree in statements]


def scalar_function_macro(sql: str) -> str | None:
    """DuckDB's macro for a scalar SQL function, or None when the statement does not create one."""
    match = _CREATE_FUNCTION.match(strip_comments(sql))
    if not match or re.search(r"LANGUAGE\s+(?!SQL)", match["options"] or "", re.IGNORECASE):
        return None
    arguments = [part.split()[0] for part in re.split(r",(?![^(]*\))", match["arguments"]) if part.strip()]
    body = sqlglot.parse_one(match["body"] or match["quoted"], read="snowflake").sql(dialect="duckdb")
    result = exp.DataType.build(match["type"], dialect="snowflake").sql(dialect="duckdb")
    return f"CREATE OR REPLACE MACRO {match['name']}({', '.join(arguments)}) AS CAST(({body}) AS {result})"
