{# One blank where a text has several in a row. DuckDB's regexp_replace takes the first match only unless told otherwise;
   Snowflake's takes all, and reads a fourth argument as a position. #}
{% macro single_spaced(column) -%}
    {{ return(adapter.dispatch('single_spaced')(column)) }}
{%- endmacro %}

{% macro default__single_spaced(column) -%}
    regexp_replace({{ column }}, ' +', ' ', 'g')
{%- endmacro %}

{% macro snowflake__single_spaced(column) -%}
    regexp_replace({{ column }}, ' +', ' ')
{%- endmacro %}
