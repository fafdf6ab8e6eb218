{# Alpha and Beta write the number of one shipment as A-0123456 and B-000-123456, with as many zeros as each has room for.
   Not ltrim: the Snowflake emulator does not apply its list of characters. #}
{% macro shipment_number(column) -%}
    nullif(replace(regexp_replace(upper(trim({{ column }})), '^[-A-Z0]+', ''), '-', ''), '')
{%- endmacro %}
