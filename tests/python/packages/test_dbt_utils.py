"""dbt_utils: what our stand-in must do, and that the real package does the same on the same inputs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from throwaway import Throwaway

NULL = "_dbt_utils_surrogate_key_null_"


# id, fields of a two-column key, and the text whose MD5 the key is
KEYS = [
    ("ordinary", "'4500000001'", "'00010'", "4500000001-00010"),
    ("numbers", "1", "2.50", "1-2.50"),
    ("null", "null", "'a'", f"{NULL}-a"),
    ("empty", "''", "'a'", "-a"),
    ("all_null", "null", "null", f"{NULL}-{NULL}"),
    ("separator_left", "'a-'", "'b'", "a--b"),
    ("separator_right", "'a'", "'-b'", "a--b"),
    ("quotes", "'it''s'", "'\"q\"'", 'it\'s-"q"'),
    ("unicode", "'Größe'", "'零件 🙂'", "Größe-零件 🙂"),
    ("date", "date '2024-02-29'", "timestamp '2024-02-29 23:59:59'", "2024-02-29-2024-02-29 23:59:59"),
    ("boolean", "true", "false", "true-false"),
    ("blank", "' a '", "'\t'", " a -\t"),
]


def key_model() -> str:
    lines = [
        f'select \'{name}\' as id, {{{{ dbt_utils.generate_surrogate_key(["{a}", "{b}"]) }}}} as k'
        for name, a, b, _ in KEYS
    ]
    single = "select 'single' as id, {{ dbt_utils.generate_surrogate_key(['1']) }} as k"
    return "\nunion all ".join([*(line.replace('"q"', '\\"q\\"') for line in lines), single])


@pytest.fixture(scope="session")
def project(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Throwaway:
    """Every key in one dbt build."""
    project = Throwaway(tmp_path_factory.mktemp("utils") / "project", packages)
    project.write("models/keys.sql", key_model())
    project.write("models/keys_null_as_empty.sql", "{{ config(materialized='table') }}\n" + key_model())
    null_as_empty = [
        "run",
        "--select",
        "keys_null_as_empty",
        "--vars",
        "surrogate_key_treat_nulls_as_empty_strings: true",
    ]
    project.run(["build", "--select", "package:throwaway"], null_as_empty)
    return project


def test_surrogate_keys_bit_for_bit(project: Throwaway) -> None:
    expected = {name: hashlib.md5(text.encode()).hexdigest() for name, _, _, text in KEYS}  # noqa: S324
    expected["single"] = hashlib.md5(b"1").hexdigest()  # noqa: S324
    assert dict(project.query("select id, k from keys")) == expected


def test_surrogate_key_var_treats_null_as_empty(project: Throwaway) -> None:
    keys = dict(project.query("select id, k from keys_null_as_empty"))
    assert keys["null"] == keys["empty"] == hashlib.md5(b"-a").hexdigest()  # noqa: S324
