{# How a purge marks what is due, keeps what it archives, and learns what it did: on DuckDB by row numbers, files and counts, on
   Snowflake by hashes of rows, a stage and the count that each statement gives back. #}

{# Before the transaction: what is made by DDL, which ends a transaction on Snowflake. #}
{% macro prepare_marks(policy, frame) -%}
    {{ return(adapter.dispatch('prepare_marks')(policy, frame)) }}
{%- endmacro %}

{% macro default__prepare_marks(policy, frame) -%}
    {{ return('') }}
{%- endmacro %}

{% macro snowflake__prepare_marks(policy, frame) -%}
    {%- set none_of_it = ' from ' ~ policy.relation ~ ' as t where 1 = 0' -%}
    {%- do run_query('create or replace temporary table ' ~ frame.ops ~ '.rows_due as select ' ~ row_hash(policy) ~ ' as row_hash'
        ~ none_of_it) -%}
    {%- if policy.action == 'archive_delete' -%}
        {%- do run_query('create or replace temporary table ' ~ frame.ops ~ '.rows_read as select ' ~ archived_columns(policy, named=true)
            ~ none_of_it) -%}
    {%- endif -%}
{%- endmacro %}

{# The condition of the rows that go, the same for all statements of the transaction. #}
{% macro mark_due(policy, frame, due) -%}
    {{ return(adapter.dispatch('mark_due')(policy, frame, due)) }}
{%- endmacro %}

{% macro default__mark_due(policy, frame, due) -%}
    {{ return(due if is_plain(policy, frame) else set_due_apart(policy, due)) }}
{%- endmacro %}

{# Each statement of a transaction on Snowflake sees what others have committed until then. So the hash of the whole row says which
   rows were due at the start: one that comes or changes in between is not among them, and the counts tell. #}
{% macro snowflake__mark_due(policy, frame, due) -%}
    {%- do run_query('insert into ' ~ frame.ops ~ '.rows_due select ' ~ row_hash(policy) ~ ' as row_hash from ' ~ policy.relation
        ~ ' as t where ' ~ due) -%}
    {{ return(row_hash(policy) ~ ' in (select row_hash from ' ~ frame.ops ~ '.rows_due)') }}
{%- endmacro %}

{# Where that depends on other rows, or on digests, it is reckoned once and kept by row number, in the transaction that deletes
   the rows. Returns the condition of the rows kept. #}
{% macro set_due_apart(policy, due) -%}
    {%- do run_query('create or replace temp table rows_due as select t.rowid as row_id from ' ~ policy.relation ~ ' as t where ' ~ due) -%}
    {{ return('t.rowid in (select row_id from rows_due)') }}
{%- endmacro %}

{# What Snowflake hashes and archives of a row: Parquet takes no time with a zone there, which is written in UTC, and no document,
   which is written as its text. #}
{% macro archived_columns(policy, named=false) -%}
    {%- set parts = [] -%}
    {%- for column, type in policy.columns.items() -%}
        {%- set value = 't.' ~ column -%}
        {%- if clock_type(type) == 'timestamptz' -%}
            {%- set value = local_time(value, 'timestamptz', 'UTC') -%}
        {%- elif type in ('VARIANT', 'OBJECT', 'ARRAY') -%}
            {%- set value = 'to_json(' ~ value ~ ')' -%}
        {%- endif -%}
        {%- do parts.append(value ~ (' as ' ~ column if named else '')) -%}
    {%- endfor -%}
    {{ return(parts | join(', ')) }}
{%- endmacro %}

{% macro row_hash(policy) -%}
    {{ return('cast(hash(' ~ archived_columns(policy) ~ ') as varchar)') }}
{%- endmacro %}

{% macro xor_of_hashes(columns) -%}
    {{ return(adapter.dispatch('xor_of_hashes')(columns)) }}
{%- endmacro %}

{% macro default__xor_of_hashes(columns) -%}
    {{ return('bit_xor(hash(t.' ~ columns | join(', t.') ~ '))') }}
{%- endmacro %}

{% macro snowflake__xor_of_hashes(columns) -%}
    {{ return('bitxor_agg(hash(t.' ~ columns | join(', t.') ~ '))') }}
{%- endmacro %}

{# How many rows a DELETE or UPDATE changed. #}
{% macro rows_touched(answer, due) -%}
    {{ return(adapter.dispatch('rows_touched')(answer, due)) }}
{%- endmacro %}

{# The transaction sees nobody else's changes, so that the counts before and after say all. #}
{% macro default__rows_touched(answer, due) -%}
    {{ return(due) }}
{%- endmacro %}

{% macro snowflake__rows_touched(answer, due) -%}
    {{ return(answer.rows[0][0] | int) }}
{%- endmacro %}
