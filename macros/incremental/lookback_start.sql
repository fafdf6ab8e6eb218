{# Never the bare newest stamp: what was being written while the last run read lands behind it. #}
{% macro lookback_start(column) -%}
    {%- set days = var('lookback_days') | string -%}
    {%- if not modules.re.fullmatch('[0-9]+', days) -%}
        {{ exceptions.raise_compiler_error("var lookback_days is '" ~ days ~ "'; give a whole number of days, 0 or more") }}
    {%- endif -%}
    coalesce({{ dbt.dateadd('day', '-' ~ days, 'max(' ~ column ~ ')') }}, {{ history_start() }})
{%- endmacro %}
