{# A literal taken from the run's start, so that every model of one run sees the same day, also across midnight. #}
{% macro as_of_date() -%}
    {%- set day = var('as_of_date', '') or run_started_at.astimezone(modules.pytz.utc).strftime('%Y-%m-%d') -%}
    {%- if not modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', day | string) -%}
        {{ exceptions.raise_compiler_error("var as_of_date is '" ~ day ~ "'; give a date as YYYY-MM-DD, or leave it empty for today (UTC)") }}
    {%- endif -%}
    cast('{{ day }}' as date)
{%- endmacro %}
