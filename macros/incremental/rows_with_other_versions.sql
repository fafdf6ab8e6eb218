{# Keys of a fact's rows that point to another version of a dimension than the one valid at the event: a later version landed
   that reaches back, or the row was written before the dimension changed. `dimensions` names, by the CTE that holds the
   dimension, its entity and the event's date column; none for a dimension without history. Inferred members keep their key
   when they land, so that only rows whose version moved come out. #}
{% macro rows_with_other_versions(fact, key, dimensions) -%}
    select existing.{{ key }}
    from {{ fact }} as existing
    {%- for versions, (entity, event_date) in dimensions.items() %}
    left join {{ versions }}
        on existing.{{ entity }}_key = {{ versions }}.{{ entity }}_key
        and existing.{{ entity }}_id = {{ versions }}.{{ entity }}_id
        {%- if event_date %}
        and {{ valid_at('existing.' ~ event_date, versions) }}
        {%- endif %}
    {%- endfor %}
    where
        {%- for versions, (entity, event_date) in dimensions.items() %}
        {{ 'or ' if not loop.first }}({{ versions }}.{{ entity }}_key is null and existing.{{ entity }}_id is not null)
        {%- endfor %}
{%- endmacro %}
