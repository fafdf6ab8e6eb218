"""Repairs to what the emulator answers: values, catalogue and errors outside the statement itself."""

from __future__ import annotations

import json

import fakesnow.arrow
import fakesnow.info_schema
import fakesnow.server
import pyarrow as pa
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_QUERY_PATH = "/queries/v1/query-request"
_SERVER_FAILURE = "999998"  # not one of Snowflake's codes: a reader sees whose error it is
_MESSAGE_LIMIT = 2000

_TABLES_ONLY = "from duckdb_tables tables"
_TABLES_AND_VIEWS = (
    "from (select database_name, schema_name, table_name, estimated_size, 'BASE TABLE' as table_kind "
    "from duckdb_tables() "
    "union all select database_name, schema_name, view_name, null, 'VIEW' "
    "from duckdb_views() where not internal) tables"
)


def install(enabled: frozenset[str]) -> None:
    """Replace fakesnow's conversions and catalogue definitions by the repaired ones."""
    if "quoted_comments" in enabled:
        _install_comment_quoting()
    if "null_timestamps" in enabled:
        _install_null_timestamps()
    if "catalogue_views" in enabled:
        _install_catalogue_views()
    if "statement_errors" in enabled:
        _install_error_answers()


def _install_comment_quoting() -> None:
    original = fakesnow.info_schema.insert_table_comment_sql

    def insert_table_comment_sql(catalog: str, schema: str, table: str, comment: str | None) -> str:
        return original(catalog, schema, table, (comment or "").replace("'", "''"))

    fakesnow.info_schema.insert_table_comment_sql = insert_table_comment_sql


def _install_null_timestamps() -> None:
    original = fakesnow.arrow.timestamp_to_sf_struct

    def timestamp_to_sf_struct(column: pa.Array | pa.ChunkedArray) -> pa.Array:
        values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        converted = original(values)
        if not values.null_count:
            return converted
        parts = [part.fill_null(0) for part in converted.flatten()]
        return pa.StructArray.from_arrays(parts, fields=list(converted.type), mask=values.is_null())

    fakesnow.arrow.timestamp_to_sf_struct = timestamp_to_sf_struct


def _install_catalogue_views() -> None:
    original = fakesnow.info_schema.per_db_creation_sql

    def per_db_creation_sql(catalog: str) -> str:
        sql = original(catalog)
        return sql.replace("'BASE TABLE' AS \"TABLE_TYPE\"", 'tables.table_kind AS "TABLE_TYPE"').replace(
            _TABLES_ONLY, _TABLES_AND_VIEWS
        )

    fakesnow.info_schema.per_db_creation_sql = per_db_creation_sql


def _install_error_answers() -> None:
    """Answer a failure outside the statement (describing it, converting its rows) as an error of the statement."""
    original = fakesnow.server.query_request

    async def query_request(request: Request) -> Response:
        response = await original(request)
        if response.status_code != 500:
            return response
        message = json.loads(response.body).get("message", "")[:_MESSAGE_LIMIT]
        return JSONResponse(
            {
                "data": {"errorCode": _SERVER_FAILURE, "sqlState": "XX000"},
                "code": _SERVER_FAILURE,
                "message": f"[emulator] {message}",
                "success": False,
            }
        )

    routes = fakesnow.server.app.router.routes
    for position, route in enumerate(routes):
        if isinstance(route, Route) and route.path == _QUERY_PATH:
            routes[position] = Route(_QUERY_PATH, query_request, methods=["POST"])
