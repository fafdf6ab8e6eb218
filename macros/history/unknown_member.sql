{# Key of the row that stands in for a member which is missing or has not landed yet. #}
{% macro unknown_member_key() -%}
    {{ dbt_utils.generate_surrogate_key(["'unknown'"]) }}
{%- endmacro %}
