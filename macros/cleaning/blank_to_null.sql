{# SAP sends an empty field as ''. Joins, counts and "is null" want null. #}
{% macro blank_to_null(column) -%}
    nullif(trim({{ column }}), '')
{%- endmacro %}
