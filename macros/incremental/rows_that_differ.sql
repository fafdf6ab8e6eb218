{# Keys of rows that nothing landed for, but that a full refresh would write otherwise: rows that the fact lacks (they left
   quarantine) and rows whose stored columns differ from what the parent says today (a day passed, another record of
   another source changed the verdict). Cheaper than it looks: one hash join over the key and the columns named. #}
{% macro rows_that_differ(fact, parent, key, columns) -%}
    select parent.{{ key }}
    from {{ parent }} as parent
    left join {{ fact }} as existing on parent.{{ key }} = existing.{{ key }}
    where existing.{{ key }} is null
        {%- for column in columns %}
        or existing.{{ column }} is distinct from parent.{{ column }}
        {%- endfor %}
{%- endmacro %}
