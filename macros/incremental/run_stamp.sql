{# When this run of dbt started, UTC. Every model of one run writes the same stamp. #}
{% macro run_stamp() -%}
    cast('{{ run_started_at.astimezone(modules.pytz.utc).strftime("%Y-%m-%d %H:%M:%S.%f") }}' as {{ dbt.type_timestamp() }})
{%- endmacro %}

{# Rows that a model upstream has written since a fact last took them over, by the stamp of the run that wrote them. No
   look-back: the stamps are dbt's own and come from one writer at a time, so that none arrives behind another; a run's rows
   come in one statement, so that a fact which holds one of them holds all, and one that failed in that run holds none. #}
{% macro written_since(stamp, fact, alias) -%}
    {{ alias }}.{{ stamp }} > (
        select coalesce(max(existing.{{ stamp }}), {{ history_start() }}) from {{ fact }} as existing
    )
{%- endmacro %}
