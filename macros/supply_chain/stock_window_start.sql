{# First day of fct_stock_daily: var stock_history_days back from as_of_date, which counts as one of them. #}
{% macro stock_window_start() -%}
    {%- set days = var('stock_history_days') | string -%}
    {%- if not modules.re.fullmatch('[1-9][0-9]*', days) -%}
        {{ exceptions.raise_compiler_error("var stock_history_days is '" ~ days ~ "'; give a whole number of days, 1 or more") }}
    {%- endif -%}
    cast({{ dbt.dateadd('day', 1 - (days | int), as_of_date()) }} as date)
{%- endmacro %}
