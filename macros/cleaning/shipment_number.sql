{# Alpha and Beta write the number of one shipment as A-0123456 and B-000-123456, with as many zeros as each has room for.
   A number is read as one, which drops the zeros; what is none stays as it is without prefix and dashes. #}
{% macro shipment_number(column) -%}
    {%- set bare = "replace(ltrim(upper(trim(" ~ column ~ ")), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ-'), '-', '')" -%}
    nullif(nullif(coalesce(cast(try_cast({{ bare }} as bigint) as varchar), {{ bare }}), ''), '0')
{%- endmacro %}
