{# Place of the first `part` in `whole`, 0 when there is none. dbt.position writes `position(part in whole)`, which
   Snowflake documents for plain texts only; as a function with two arguments it takes any expression. #}
{% macro text_position(part, whole) -%}
    {{ return(adapter.dispatch('text_position')(part, whole)) }}
{%- endmacro %}

{% macro default__text_position(part, whole) -%}
    position({{ part }} in {{ whole }})
{%- endmacro %}

{% macro snowflake__text_position(part, whole) -%}
    position({{ part }}, {{ whole }})
{%- endmacro %}
