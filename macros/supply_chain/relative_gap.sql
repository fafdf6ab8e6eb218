{# How far two amounts lie apart, as a share of the larger: 0 when equal, 1 when one of them is 0, null when one is not known.
   As floating point, because it is compared with tolerances and never added up. #}
{% macro relative_gap(one, other) -%}
    case
        when {{ one }} = {{ other }} then 0.0
        else abs(cast({{ one }} as double) - cast({{ other }} as double))
            / greatest(abs(cast({{ one }} as double)), abs(cast({{ other }} as double)))
    end
{%- endmacro %}
