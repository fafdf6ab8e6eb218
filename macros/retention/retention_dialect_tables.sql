{# What DuckDB and Snowflake write apart about the warehouse's own lists and about counting. #}

{# A database's name in a statement. On Snowflake as it stands in the profile, without quotes, so that it may be in lower case. #}
{% macro database_name(database) -%}
    {{ return(adapter.dispatch('database_name')(database)) }}
{%- endmacro %}

{% macro default__database_name(database) -%}
    {{ return(adapter.quote(database)) }}
{%- endmacro %}

{% macro snowflake__database_name(database) -%}
    {{ return(database) }}
{%- endmacro %}

{# Databases that hold landed tables or what dbt builds. #}
{% macro retention_databases() -%}
    {%- set found = [target.database | lower] -%}
    {%- set raw = var('raw_database', '') | lower -%}
    {%- if raw and raw not in found -%}{%- do found.append(raw) -%}{%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{# SQL of a view of information_schema. DuckDB has all its databases in one, Snowflake each in its own. #}
{% macro information_schema_of(view, databases) -%}
    {{ return(adapter.dispatch('information_schema_of')(view, databases)) }}
{%- endmacro %}

{% macro default__information_schema_of(view, databases) -%}
    {{ return('information_schema.' ~ view) }}
{%- endmacro %}

{% macro snowflake__information_schema_of(view, databases) -%}
    {%- set columns = 'table_catalog, table_schema, table_name, ' ~ {'tables': 'table_type', 'columns': 'column_name, data_type'}[view] -%}
    {%- set parts = [] -%}
    {%- for database in databases -%}
        {%- do parts.append('select ' ~ columns ~ ' from ' ~ database ~ '.information_schema.' ~ view) -%}
    {%- endfor -%}
    {{ return('(' ~ parts | join(' union all ') ~ ')') }}
{%- endmacro %}

{# Not adapter.get_relation, which leaves a transaction open that a purge could not start its own in. #}
{% macro has_table(database, schema, name) -%}
    {{ return(run_query(adapter.dispatch('table_count')(database, schema, name)).rows[0][0] | int > 0) }}
{%- endmacro %}

{% macro default__table_count(database, schema, name) -%}
    {{ return('select count(*) from information_schema.tables where table_catalog = ' ~ sql_text(database)
        ~ ' and table_schema = ' ~ sql_text(schema) ~ ' and table_name = ' ~ sql_text(name)) }}
{%- endmacro %}

{% macro snowflake__table_count(database, schema, name) -%}
    {{ return('select count(*) from ' ~ database ~ '.information_schema.tables where lower(table_schema) = ' ~ sql_text(schema | lower)
        ~ ' and lower(table_name) = ' ~ sql_text(name | lower)) }}
{%- endmacro %}

{# A column's name and type as the policies write them: Snowflake lists names in upper case, and texts as TEXT. #}
{% macro listed_column(name, type) -%}
    {{ return(adapter.dispatch('listed_column')(name, type)) }}
{%- endmacro %}

{% macro default__listed_column(name, type) -%}
    {{ return({name: type}) }}
{%- endmacro %}

{% macro snowflake__listed_column(name, type) -%}
    {{ return({name | lower: 'VARCHAR' if type == 'TEXT' else type}) }}
{%- endmacro %}

{# SQL that fails where a condition cannot be read. #}
{% macro try_condition(relation, condition) -%}
    {{ return(adapter.dispatch('try_condition')(relation, condition)) }}
{%- endmacro %}

{% macro default__try_condition(relation, condition) -%}
    {{ return('explain select 1 from ' ~ relation ~ ' where ' ~ condition) }}
{%- endmacro %}

{% macro snowflake__try_condition(relation, condition) -%}
    {{ return('select 1 from ' ~ relation ~ ' where (' ~ condition ~ ') limit 0') }}
{%- endmacro %}

{# SQL: rows of a condition, and those of them for which a second one holds. Snowflake takes a correlated EXISTS in a WHERE only. #}
{% macro count_twice(relation, where, among) -%}
    {{ return(adapter.dispatch('count_twice')(relation, where, among)) }}
{%- endmacro %}

{% macro default__count_twice(relation, where, among) -%}
    {{ return('select count(*), count(case when ' ~ among ~ ' then 1 end) from ' ~ relation ~ ' as t where ' ~ where) }}
{%- endmacro %}

{% macro snowflake__count_twice(relation, where, among) -%}
    {%- set counted = '(select count(*) from ' ~ relation ~ ' as t where ' -%}
    {{ return('select ' ~ counted ~ where ~ '), ' ~ counted ~ where ~ ' and ' ~ among ~ ')') }}
{%- endmacro %}

{# SQL: what measure_retention says about one dataset behind `head`. What is due today is due in 90 days too, so that only those rows
   are looked at. #}
{% macro counts_of_due(head, relation, due, overdue, later, clock, held) -%}
    {{ return(adapter.dispatch('counts_of_due')(head, relation, due, overdue, later, clock, held)) }}
{%- endmacro %}

{% macro default__counts_of_due(head, relation, due, overdue, later, clock, held) -%}
    {{ return(head ~ 'count(case when ' ~ due
        ~ ' then 1 end) as rows_due, count(case when ' ~ overdue ~ ' then 1 end) as rows_overdue, count(case when not (' ~ due
        ~ ') then 1 end) as rows_due_in_90_days, cast(' ~ held ~ ' as bigint) as rows_held, min(case when '
        ~ due ~ ' then ' ~ clock ~ ' end) as oldest_due_date from ' ~ relation ~ ' as t where ' ~ later) }}
{%- endmacro %}

{% macro snowflake__counts_of_due(head, relation, due, overdue, later, clock, held) -%}
    {%- set rows = ' from ' ~ relation ~ ' as t where ' -%}
    {{ return(head ~ '(select count(*)' ~ rows ~ due ~ ') as rows_due, (select count(*)' ~ rows ~ '(' ~ later ~ ') and ' ~ overdue
        ~ ') as rows_overdue, (select count(*)' ~ rows ~ '(' ~ later ~ ') and not (' ~ due ~ ')) as rows_due_in_90_days, cast(' ~ held
        ~ ' as bigint) as rows_held, (select min(' ~ clock ~ ')' ~ rows ~ due ~ ') as oldest_due_date') }}
{%- endmacro %}

{# The condition: the text holds the name as a whole word. #}
{% macro mentions(column, name) -%}
    {{ return(adapter.dispatch('mentions')(column, name)) }}
{%- endmacro %}

{% macro default__mentions(column, name) -%}
    {%- set pattern = '(^|[^A-Za-z0-9])' ~ modules.re.escape(name) ~ '([^A-Za-z0-9]|$)' -%}
    {{ return('(contains(' ~ column ~ ', ' ~ sql_text(name) ~ ') and regexp_matches(' ~ column ~ ', ' ~ sql_text(pattern) ~ '))') }}
{%- endmacro %}

{# regexp_like would ask for the whole text. What is no letter or digit stands in brackets, where few characters mean anything. #}
{% macro snowflake__mentions(column, name) -%}
    {%- set parts = [] -%}
    {%- for character in name -%}
        {%- do parts.append(character if character.isalnum() else ('\\' ~ character) if character in '\\^[]' else '[' ~ character ~ ']') -%}
    {%- endfor -%}
    {{ return('(contains(' ~ column ~ ', ' ~ sql_text(name) ~ ') and regexp_instr(' ~ column ~ ', '
        ~ sql_text('(^|[^A-Za-z0-9])' ~ parts | join ~ '([^A-Za-z0-9]|$)') ~ ') > 0)') }}
{%- endmacro %}

{# A timestamp without a zone as text, as utc_moment reads it. #}
{% macro moment_text(moment) -%}
    {{ return(adapter.dispatch('moment_text')(moment)) }}
{%- endmacro %}

{% macro default__moment_text(moment) -%}
    {{ return('cast(' ~ moment ~ ' as varchar)') }}
{%- endmacro %}

{% macro snowflake__moment_text(moment) -%}
    {{ return('to_char(' ~ moment ~ ", 'YYYY-MM-DD HH24:MI:SS')") }}
{%- endmacro %}
