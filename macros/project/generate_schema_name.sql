{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set layer = (custom_schema_name or '') | trim -%}
    {%- if not layer -%}
        {{ target.schema }}
    {%- elif target.name == 'prod' or target.schema | lower == 'prod' -%}
        {{ layer }}
    {%- else -%}
        {{ target.schema }}_{{ layer }}
    {%- endif -%}
{%- endmacro %}
