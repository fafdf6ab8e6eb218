{# A field of a JSON object as text, null where it is missing or null; an object that is no JSON gives null too. The key is
   one level deep and made of letters, digits and underscores. #}
{% macro json_text(document, key) -%}
    {%- if not modules.re.fullmatch('[A-Za-z0-9_]+', key | string) -%}
        {{ exceptions.raise_compiler_error("json_text: '" ~ key ~ "' is no plain key") }}
    {%- endif -%}
    {{ return(adapter.dispatch('json_text')(document, key)) }}
{%- endmacro %}

{% macro default__json_text(document, key) -%}
    case when json_valid({{ document }}) then json_extract_string({{ document }}, '$.{{ key }}') end
{%- endmacro %}

{% macro snowflake__json_text(document, key) -%}
    cast(get_path(try_parse_json({{ document }}), '{{ key }}') as varchar)
{%- endmacro %}
