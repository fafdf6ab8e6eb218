{# The tables that say what was purged, and what must not come back. After what models were built again says
   retention_follow_ups, which tools/follow_up.py makes, as it alone writes it. #}
{% macro ops_tables(ops) -%}
    {%- set type = ops_types() -%}
    {{ return([
        'create schema if not exists ' ~ ops,
        'create table if not exists ' ~ ops ~ '.retention_actions (run_id varchar, dataset_name varchar, cause varchar, action varchar, '
            ~ 'predicate varchar, key_digest varchar, archive_path varchar, archive_sha256 varchar, done_by varchar, as_of ' ~ type.moment ~ ', '
            ~ 'rows_due bigint, rows_held bigint, rows_done bigint, done_at timestamp with time zone)',
        'create table if not exists ' ~ ops ~ '.tombstones (dataset_name varchar, key_digest ' ~ type.digest ~ ', cause varchar, as_of '
            ~ type.moment ~ ', run_id varchar)',
        'create table if not exists ' ~ ops ~ '.swept_loads (dataset_name varchar, load_id varchar)',
    ]) }}
{%- endmacro %}

{# Types that DuckDB and Snowflake name apart. #}
{% macro ops_types() -%}
    {{ return(adapter.dispatch('ops_types')()) }}
{%- endmacro %}

{% macro default__ops_types() -%}
    {{ return({'moment': 'timestamp', 'digest': 'uuid'}) }}
{%- endmacro %}

{% macro snowflake__ops_types() -%}
    {{ return({'moment': 'timestamp_ntz', 'digest': 'varchar'}) }}
{%- endmacro %}
