{# Days between two dates whichever is earlier; null when one is not known. #}
{% macro day_gap(one, other) -%}
    abs({{ dbt.datediff(one, other, 'day') }})
{%- endmacro %}
