{# delete+insert replaces the rows that came again; it cannot know of rows that will never come again. `key` is a column or a
   list of them. #}
{% macro delete_vanished_rows(relation, parent, key) -%}
    {%- if is_incremental_run() -%}
        delete from {{ relation }}
        where not exists (
            select 1 from {{ parent }} as parent
            where
                {%- for column in ([key] if key is string else key) %}
                {{ 'and ' if not loop.first }}parent.{{ column }} = {{ relation.identifier }}.{{ column }}
                {%- endfor %}
        )
    {%- endif -%}
{%- endmacro %}
