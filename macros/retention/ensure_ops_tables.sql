{# The tables that say what was purged, and what must not come back. #}
{% macro ops_tables(ops) -%}
    {{ return([
        'create schema if not exists ' ~ ops,
        'create table if not exists ' ~ ops ~ '.retention_actions (run_id varchar, dataset_name varchar, cause varchar, action varchar, '
            ~ 'predicate varchar, key_digest varchar, archive_path varchar, archive_sha256 varchar, done_by varchar, as_of timestamp, '
            ~ 'rows_due bigint, rows_held bigint, rows_done bigint, done_at timestamp with time zone)',
        'create table if not exists ' ~ ops ~ '.tombstones (dataset_name varchar, key_digest uuid, cause varchar, as_of timestamp, '
            ~ 'run_id varchar)',
        'create table if not exists ' ~ ops ~ '.swept_loads (dataset_name varchar, load_id varchar)',
    ]) }}
{%- endmacro %}
