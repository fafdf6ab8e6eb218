{# Bounds of history. The first version reaches back to the start, because the source knew the member before we landed it. #}
{% macro history_start() -%}
    cast('1900-01-01 00:00:00' as {{ dbt.type_timestamp() }})
{%- endmacro %}

{% macro history_end() -%}
    cast('9999-12-31 00:00:00' as {{ dbt.type_timestamp() }})
{%- endmacro %}

{# valid_to comes from the next version, not from dbt_valid_to: a snapshot that broke off between its update and its
   insert, or a deletion stamped by the warehouse's clock, can then neither overlap nor leave a gap. #}
{% macro scd2_columns(natural_key, snapshot_alias) -%}
    {%- set by_version = "partition by " ~ snapshot_alias ~ "." ~ natural_key
        ~ " order by " ~ snapshot_alias ~ ".dbt_valid_from, " ~ snapshot_alias ~ ".dbt_scd_id" -%}
    row_number() over ({{ by_version }}) as version_number,
        case
            when row_number() over ({{ by_version }}) = 1 then {{ history_start() }}
            else {{ snapshot_alias }}.dbt_valid_from
        end as valid_from,
        coalesce(lead({{ snapshot_alias }}.dbt_valid_from) over ({{ by_version }}), {{ history_end() }}) as valid_to,
        lead({{ snapshot_alias }}.dbt_valid_from) over ({{ by_version }}) is null as is_current,
        {{ snapshot_alias }}.dbt_is_deleted = 'True' as is_deleted
{%- endmacro %}

{# Join condition: the version that was valid when the event happened. #}
{% macro valid_at(event_date, version_alias) -%}
    {{ version_alias }}.valid_from <= cast({{ event_date }} as {{ dbt.type_timestamp() }})
        and {{ version_alias }}.valid_to > cast({{ event_date }} as {{ dbt.type_timestamp() }})
{%- endmacro %}
