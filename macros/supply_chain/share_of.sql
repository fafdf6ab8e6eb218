{# A ratio with four decimals; null when there is nothing to divide by. #}
{% macro share_of(part, whole) -%}
    cast(1.0 * {{ part }} / nullif({{ whole }}, 0) as decimal(18, 4))
{%- endmacro %}
