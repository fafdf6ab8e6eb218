{# dbt run-operation measure_retention: how many rows of each dataset are due, overdue, held, and due within 90 days, into
   ops.retention_due, which it replaces. Deletes nothing and needs no secret. A policy that cannot be applied is a row that says
   why, so that one of them hides no other. #}
{% macro measure_retention() -%}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- set frame = read_retention(none, 'retention') -%}
    {%- do run_query('create schema if not exists ' ~ frame.ops) -%}
    {%- do run_query('create or replace table ' ~ frame.ops ~ '.retention_due as ' ~ retention_due_sql(frame, read_tables())) -%}
    {%- do print('%d datasets measured as of %s UTC; %d policies cannot be applied' | format(frame.policies | length, frame.as_of,
        frame.faults | length)) -%}
{%- endmacro %}

{# One query over all datasets. What is due today is due in 90 days too, so that only those rows are looked at. #}
{% macro retention_due_sql(frame, tables) -%}
    {%- set at = modules.datetime.datetime.strptime(frame.as_of, '%Y-%m-%d %H:%M:%S') -%}
    {%- set then = dict(frame, as_of=(at + modules.datetime.timedelta(days=90)).strftime('%Y-%m-%d %H:%M:%S')) -%}
    {%- set before = dict(frame, as_of=(at - modules.datetime.timedelta(days=var('purge_grace_days') | int)).strftime('%Y-%m-%d %H:%M:%S')) -%}
    {%- set head = 'select cast(%s as varchar) as dataset_name, cast(%s as varchar) as policy_name, cast(%s as varchar) as policy_fault, '
        ~ utc_moment(frame.now, zoned=true) ~ ' as measured_at, ' -%}
    {%- set nothing = 'cast(null as bigint) as rows_due, cast(null as bigint) as rows_overdue, cast(null as bigint) as rows_due_in_90_days, '
        ~ 'cast(null as bigint) as rows_held, cast(null as date) as oldest_due_date' -%}
    {%- set parts = [head | format("''", "''", 'null') ~ nothing ~ ' from (select 1 as nothing) as nothing where 1 = 0'] -%}
    {%- for policy in frame.policies.values() if not policy.follows -%}
        {%- set name = sql_text(policy.dataset) -%}
        {%- set clock = 'cast(t.' ~ policy.clock ~ ' as date)' if policy.clock else 'cast(null as date)' -%}
        {%- set due = is_due(policy, 't', frame) -%}
        {#- What has no period is never late: a load empties it. #}
        {%- set overdue = 'false' if policy.everything else is_due(policy, 't', before) -%}
        {%- do parts.append(counts_of_due(head | format(name, sql_text(tables[policy.dataset].policy_name), 'null'), policy.relation, due,
            overdue, is_due(policy, 't', then), clock, count_held(policy, frame))) -%}
    {%- endfor -%}
    {%- for fault in frame.faults -%}
        {%- set name = fault.split(': ')[0] -%}
        {%- do parts.append(head | format(sql_text(name), sql_text((tables.get(name) or {}).get('policy_name') or name), sql_text(fault)) ~ nothing) -%}
    {%- endfor -%}
    {{ return(parts | join(' union all ')) }}
{%- endmacro %}

{# SQL: the columns of a source table, or no row of them where nothing has made the table yet, as before the first purge. #}
{% macro rows_if_there(relation, columns) -%}
    {%- set is_there = false -%}
    {#- Not in the static gate, which compiles without a server. #}
    {%- if execute and flags.INTROSPECT -%}
        {#- DuckDB lists all its databases in one place, Snowflake each in its own. #}
        {%- set listed = (relation.database ~ '.' if target.type == 'snowflake' else '') ~ 'information_schema.tables' -%}
        {%- set is_there = run_query('select count(*) from ' ~ listed ~ ' where ' ~ "lower(table_catalog) = '" ~ relation.database | lower
            ~ "' and lower(table_schema) = '" ~ relation.schema | lower ~ "' and lower(table_name) = '" ~ relation.identifier | lower
            ~ "'").rows[0][0] | int > 0 -%}
    {%- endif -%}
    {%- set shown = [] -%}
    {%- for name, type in columns.items() -%}
        {%- do shown.append(name if is_there else 'cast(null as ' ~ type ~ ') as ' ~ name) -%}
    {%- endfor -%}
    {{ return('select ' ~ shown | join(', ') ~ (' from ' ~ relation if is_there else ' from (select 1 as nothing) as nothing where 1 = 0')) }}
{%- endmacro %}
