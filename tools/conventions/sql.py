"""Rules on the SQL of models: who reads whom, and the forms that lose rows quietly."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.conventions.finding import Breach, Rule
from tools.conventions.project import Node, Project
from tools.conventions.text import ctes, line_at, without_comments

LONGEST_SQL = 150
LONGEST_LINE = 120
STATEMENTS = ("models/", "snapshots/", "tests/", "analyses/")
_REF = re.compile(r"\bref\(\s*['\"](\w+)['\"]\s*(?:,\s*['\"](\w+)['\"]\s*)?[,)]")
_SOURCE = re.compile(r"\bsource\(\s*['\"](\w+)['\"]\s*,\s*['\"](\w+)['\"]\s*\)")
_IMPORT = re.compile(
    r"\s*select\s+\*\s+from\s+\{\{[^}]*\}\}(\s+(as\s+)?\w+)?(\s+where\b.*)?\s*", re.IGNORECASE | re.DOTALL
)
_STAR_FROM_REF = re.compile(
    r"\bselect\s+(?:\w+\s*\.\s*)?\*(?:(?!\bselect\b).)*?\bfrom\s+\{\{[^}]*\b(?:ref|source)\(", re.I | re.S
)
_LITERAL_RELATION = re.compile(
    r"\b(?:from|join)\s+\"?(?!information_schema\b)([a-z_]\w*)\"?\.\"?([a-z_]\w*)", re.IGNORECASE
)
_LAYER_SCHEMA = re.compile(
    r"\b(?:dev|ci|prod)_(?:staging|intermediate|marts|snapshots|seeds|platform)\b", re.IGNORECASE
)
# The newest of each group is no watermark.
_WATERMARK = re.compile(
    r"\bmax\s*\((?:(?!\bselect\b).)*?\bfrom\s+\{\{\s*this\s*\}\}(?!\s+group\s+by\b)", re.IGNORECASE | re.DOTALL
)
_NOT_IN_QUERY = re.compile(r"\bnot\s+in\s*\(\s*select\b", re.IGNORECASE)


def refs(model: Node) -> list[tuple[str, int]]:
    """(model name, line) of each ref() in a node."""
    return [(m.group(2) or m.group(1), line_at(model.sql, m.start())) for m in _REF.finditer(model.sql)]


def sources(model: Node) -> list[tuple[str, str, int]]:
    """(source, table, line) of each source() in a node."""
    return [(m.group(1), m.group(2), line_at(model.sql, m.start())) for m in _SOURCE.finditer(model.sql)]


def _sql_models(project: Project) -> list[Node]:
    return [model for model in project.models if model.path.endswith(".sql")]


def source_only_in_staging(project: Project) -> Iterator[Breach]:
    for node in project.nodes:
        if node.kind in ("models", "snapshots") and not (node.kind == "models" and node.layer == "staging"):
            for source, table, line in sources(node):
                yield Breach(
                    node.path, line, f"'{node.name}' reads source {source}.{table}",
                    f"read it through models/staging/{source}/stg_{source}__{table}",
                )  # fmt: skip


def staging_reads_sources(project: Project) -> Iterator[Breach]:
    for model in _sql_models(project):
        if model.layer != "staging":
            continue
        for name, line in refs(model):
            yield Breach(
                model.path, line, f"staging reads '{name}'", "staging reads sources only; join in intermediate"
            )
        if not sources(model):
            yield Breach(
                model.path, 1, "staging reads no source", "read it with source(), or move the model to its layer"
            )


def layer_order(project: Project) -> Iterator[Breach]:
    layers = {model.name: model.layer for model in project.models}
    for model in _sql_models(project):
        if model.layer == "intermediate":
            for name, line in refs(model):
                if layers.get(name) == "marts" and not name.startswith("dim_"):
                    yield Breach(
                        model.path, line, f"intermediate reads mart '{name}'", "put the shared step in intermediate"
                    )


def mart_reads_foreign_staging(project: Project) -> Iterator[Breach]:
    domains = _domains_of_staging(project)
    for model in project.marts:
        own = model.folders[1] if len(model.folders) > 1 else ""
        for name, line in refs(model):
            owner = domains.get(name)
            if owner and own != "core" and owner != own:
                yield Breach(
                    model.path, line, f"a mart of '{own}' reads '{name}', whose data belongs to '{owner}'",
                    f"read it through an intermediate model of '{owner}' or '{own}', or a dimension of 'core'",
                )  # fmt: skip


def _domains_of_staging(project: Project) -> dict[str, str]:
    """Owning domain of each staging model, as its data contract says (ODCS `domain`)."""
    found = {}
    for path in project.below("contracts", ".yaml", ".yml"):
        contract = project.yaml(path)
        parts = path.split("/")
        if isinstance(contract, dict) and contract.get("domain") and len(parts) == 3:
            found[f"stg_{parts[1]}__{parts[2].split('.')[0]}"] = str(contract["domain"])
    return found


def final_select(project: Project) -> Iterator[Breach]:
    for model in _sql_models(project):
        lines = model.sql.rstrip().splitlines()
        if not lines or lines[-1].strip().lower() != "select * from final":
            yield Breach(
                model.path, max(len(lines), 1), "does not end in `select * from final`", "name the last step `final`"
            )


def star_from_ref(project: Project) -> Iterator[Breach]:
    for model in project.marts:
        imports = [cte for cte in ctes(model.sql) if _IMPORT.fullmatch(cte.body)]
        for star in _STAR_FROM_REF.finditer(model.sql):
            if not any(cte.start <= star.start() < cte.end for cte in imports):
                yield Breach(
                    model.path, line_at(model.sql, star.start()), "takes every column of another model",
                    "import it in a CTE of its own and list the columns where they are used",
                )  # fmt: skip


def literal_relation(project: Project) -> Iterator[Breach]:
    for node in project.nodes:
        if node.kind == "seeds":
            continue
        for match in _LITERAL_RELATION.finditer(node.sql):
            yield Breach(
                node.path, line_at(node.sql, match.start()), f"reads {match.group(1)}.{match.group(2)} by name",
                "use ref() or source() so that lineage and targets hold",
            )  # fmt: skip


def schema_name(project: Project) -> Iterator[Breach]:
    for path in project.texts:
        if path.endswith(".sql") and path.startswith(("models/", "snapshots/", "macros/", "tests/", "analyses/")):
            for match in _LAYER_SCHEMA.finditer(project.texts[path]):
                line = line_at(project.texts[path], match.start())
                yield Breach(path, line, f"names the schema {match.group()}", "use ref(), or target.schema in a macro")


def watermark(project: Project) -> Iterator[Breach]:
    for model in _sql_models(project):
        match = _WATERMARK.search(model.sql)
        if match and "lookback" not in model.sql.lower():
            line = line_at(model.sql, match.start())
            wrong = "reads on from a bare max() of itself: late rows are lost"
            yield Breach(model.path, line, wrong, "subtract the look-back window, var('lookback_days')")


def not_in_query(project: Project) -> Iterator[Breach]:
    for path in project.texts:
        if path.endswith(".sql"):
            sql = without_comments(project.texts[path])
            for match in _NOT_IN_QUERY.finditer(sql):
                wrong = "`not in (select ...)` returns nothing once the query yields a null"
                yield Breach(path, line_at(sql, match.start()), wrong, "use `not exists`")


def sql_length(project: Project) -> Iterator[Breach]:
    for model in _sql_models(project):
        lines = model.text.count("\n")
        if lines > LONGEST_SQL:
            yield Breach(
                model.path, LONGEST_SQL + 1, f"{lines} lines, more than {LONGEST_SQL}", "split it: one idea a model"
            )


def sql_line_length(project: Project) -> Iterator[Breach]:
    """As written: sqlfluff measures a line after Jinja has rendered it."""
    for path, text in project.texts.items():
        if path.endswith(".sql") and path.startswith(STATEMENTS):
            for number, line in enumerate(text.splitlines(), start=1):
                if len(line) > LONGEST_LINE:
                    yield Breach(path, number, f"{len(line)} characters, more than {LONGEST_LINE}", "break the line")


RULES = (
    Rule("source-only-in-staging", "only staging models read sources", source_only_in_staging),
    Rule("staging-reads-sources", "staging models read sources and nothing else", staging_reads_sources),
    Rule("layer-order", "intermediate models do not read facts or reports", layer_order),
    Rule("mart-foreign-staging", "marts read staging only of their own domain's data", mart_reads_foreign_staging),
    Rule("final-select", "a model ends in `select * from final`", final_select),
    Rule("star-from-ref", "marts take `select *` from a ref only in an import CTE", star_from_ref),
    Rule("literal-relation", "relations are named by ref() and source()", literal_relation),
    Rule("schema-name", "no schema of a target is written into SQL", schema_name),
    Rule("bare-watermark", "incremental models look back behind their newest row", watermark),
    Rule("not-in-query", "no `not in (select ...)`", not_in_query),
    Rule("sql-length", f"a model has at most {LONGEST_SQL} lines", sql_length),
    Rule("sql-line-length", f"a line of SQL has at most {LONGEST_LINE} characters as written", sql_line_length),
)
