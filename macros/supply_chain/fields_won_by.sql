{% macro fields_won_by(side) -%}
nullif(trim(
    {%- for field in shipment_fields() -%}
        {{ ' || ' if not loop.first -}}
        case when is_{{ field }}_conflict and {{ field }}_side = '{{ side }}' then '{{ field }} ' else '' end
    {%- endfor -%}
), '')
{%- endmacro %}
