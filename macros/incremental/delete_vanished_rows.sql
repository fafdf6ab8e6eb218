{# delete+insert replaces the rows that came again; it cannot know of rows that will never come again. #}
{% macro delete_vanished_rows(relation, parent, key) -%}
    {%- if is_incremental_run() -%}
        delete from {{ relation }}
        where not exists (
            select 1 from {{ parent }} as parent
            where parent.{{ key }} = {{ relation.identifier }}.{{ key }}
        )
    {%- endif -%}
{%- endmacro %}
