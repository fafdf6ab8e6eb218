{# Alpha and Beta write the number of one shipment as A-0123456 and B-000-123456, with as many zeros as each has room for. #}
{% macro shipment_number(column) -%}
    nullif(ltrim(replace(ltrim(upper(trim({{ column }})), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ-'), '-', ''), '0'), '')
{%- endmacro %}
