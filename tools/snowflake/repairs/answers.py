"""Statements that DuckDB has no notion of: recorded where a later statement reads them back, answered in shape.

Nothing here takes effect. The emulator job says so under NOT VERIFIED.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tools.snowflake.repairs.syntax import strip_comments

_GRANT = re.compile(
    r"(?P<verb>GRANT|REVOKE) (?P<privileges>.+?) ON "
    r"(?:(?P<kind>TABLE|VIEW|SCHEMA|DATABASE|DYNAMIC TABLE|FUTURE TABLES IN SCHEMA|ALL TABLES IN SCHEMA) )?"
    r"(?P<object>\S+) (?:TO|FROM) (?:ROLE )?(?P<role>\S+)$",
    re.IGNORECASE,
)
_GRANT_COLUMNS = (
    "created_on",
    "privilege",
    "granted_on",
    "name",
    "granted_to",
    "grantee_name",
    "grant_option",
    "granted_by",
)
_DONE = "select 'Statement executed successfully.' as status"
_NOT_EXECUTED = "select 'Not executed by the emulator.' as status"
_QUERY_TAG = (
    "select 'QUERY_TAG' as \"key\", '' as \"value\", '' as \"default\", '' as \"level\", "
    "'' as \"description\", 'STRING' as \"type\""
)

# Pattern over the upper-cased statement with single spaces, and what the emulator answers.
_FIXED_ANSWERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"SHOW PARAMETERS LIKE 'QUERY_TAG'"), _QUERY_TAG),
    (re.compile(r"ALTER SESSION (SET|UNSET) QUERY_TAG"), _DONE),
    (re.compile(r"ALTER TABLE \S+ (RESUME|SUSPEND) RECLUSTER"), _DONE),
    (re.compile(r"ALTER (TABLE|VIEW) \S+ ALTER .* COMMENT \$\$"), _DONE),
    (re.compile(r"ALTER TABLE \S+ SET DATA_RETENTION_TIME_IN_DAYS = \d+$"), _DONE),
    (re.compile(r"REMOVE @"), "select 'removed' as status"),
    (re.compile(r"DROP DYNAMIC TABLE"), _NOT_EXECUTED),
    (
        re.compile(
            r"(CREATE|DROP|ALTER) (OR REPLACE )?"
            r"(ROLE|WAREHOUSE|MASKING POLICY|ROW ACCESS POLICY|RESOURCE MONITOR)\b"
        ),
        _NOT_EXECUTED,
    ),
)


@dataclass(frozen=True)
class Grant:
    """A privilege on an object, held by a role."""

    privilege: str
    kind: str
    object_name: str
    role: str


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@dataclass
class StatementLedger:
    """Grants seen so far, and the answers to statements that are not executed."""

    grants: list[Grant] = field(default_factory=list)

    def answer(self, sql: str) -> str | None:
        """A query that yields Snowflake's answer, or None when the statement is to be executed."""
        plain = " ".join(strip_comments(sql).split())
        upper = plain.upper()
        if match := _GRANT.match(plain):
            self._record(match)
            return _DONE
        if upper.startswith("SHOW GRANTS ON"):
            return self._show_grants(upper.split()[-1])
        return next((reply for pattern, reply in _FIXED_ANSWERS if pattern.match(upper)), None)

    def _record(self, match: re.Match[str]) -> None:
        for privilege in match["privileges"].upper().split(","):
            grant = Grant(
                privilege.strip(), (match["kind"] or "TABLE").upper(), match["object"].upper(), match["role"].strip('"')
            )
            if match["verb"].upper() == "REVOKE":
                self.grants = [known for known in self.grants if known != grant]
            elif grant not in self.grants:
                self.grants.append(grant)

    def _show_grants(self, object_name: str) -> str:
        rows = [grant for grant in self.grants if grant.object_name == object_name]
        if not rows:
            return "select " + ", ".join(f'null::varchar as "{name}"' for name in _GRANT_COLUMNS) + " where false"
        selects = []
        for grant in rows:
            values = ("1970-01-01", grant.privilege, grant.kind, grant.object_name, "ROLE")
            values += (grant.role.upper(), "false", "SYSADMIN")
            pairs = zip(values, _GRANT_COLUMNS, strict=True)
            selects.append("select " + ", ".join(f'{_literal(value)} as "{name}"' for value, name in pairs))
        return " union all ".join(selects)
