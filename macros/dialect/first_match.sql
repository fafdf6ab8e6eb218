{# Snowflake's regexp_substr gives null where DuckDB's regexp_extract gives ''. No backslash in the pattern: in a text
   literal, Snowflake reads one as an escape and DuckDB does not. #}
{% macro first_match(column, pattern) -%}
    {{ return(adapter.dispatch('first_match')(column, pattern)) }}
{%- endmacro %}

{% macro default__first_match(column, pattern) -%}
    nullif(regexp_extract({{ column }}, {{ pattern }}), '')
{%- endmacro %}

{% macro snowflake__first_match(column, pattern) -%}
    regexp_substr({{ column }}, {{ pattern }})
{%- endmacro %}
