{# Purging and erasing on Snowflake take a role of their own (var purge_role): one who may build may not yet delete for ever.
   DuckDB has no roles; there the two flags are all. #}
{% macro require_purge_role() -%}
    {%- if target.type == 'snowflake' -%}
        {%- set role = run_query('select current_role()').rows[0][0] -%}
        {%- if (role or '') | upper != var('purge_role') | upper -%}
            {{ exceptions.raise_compiler_error("purging and erasing are for role " ~ var('purge_role') | upper ~ ", and this session's is "
                ~ (role or 'none') ~ ': set SNOWFLAKE_ROLE (docs/access.md)') }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
