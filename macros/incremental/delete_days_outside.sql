{# A table that keeps a moving window of days: what has left the window goes, in the run that moved it. #}
{% macro delete_days_outside(relation, column, first_day, last_day) -%}
    {%- if is_incremental_run() -%}
        delete from {{ relation }}
        where {{ column }} < {{ first_day }} or {{ column }} > {{ last_day }}
    {%- endif -%}
{%- endmacro %}
