{# Bounds of history. The first version reaches back to the start, because the source knew the member before we landed it. #}
{% macro history_start() -%}
    cast('1900-01-01 00:00:00' as {{ dbt.type_timestamp() }})
{%- endmacro %}

{% macro history_end() -%}
    cast('9999-12-31 00:00:00' as {{ dbt.type_timestamp() }})
{%- endmacro %}

{# The versions of a snapshot, numbered and dated. What dbt's snapshots are known to leave behind is taken out first
   (docs/history.md): versions without a key, a version written twice by colliding runs, the same deletion recorded by
   one run after the other, and what began no earlier than it was closed, or than the version that is open now, because
   a later version bore an older stamp.
   valid_to comes from the next version, not from dbt_valid_to: a snapshot that broke off between its update and its
   insert, or a deletion stamped by the warehouse's clock, can then neither overlap nor leave a gap. #}
{% macro scd2_history(snapshot, natural_key) -%}
    {%- set by_version = "partition by " ~ natural_key ~ " order by dbt_valid_from" -%}
    select
        changes.*,
        cast(row_number() over ({{ by_version }}) as integer) as version_number,
        case
            when row_number() over ({{ by_version }}) = 1 then {{ history_start() }}
            else dbt_valid_from
        end as valid_from,
        coalesce(lead(dbt_valid_from) over ({{ by_version }}), {{ history_end() }}) as valid_to,
        lead(dbt_valid_from) over ({{ by_version }}) is null as is_current,
        dbt_is_deleted = 'True' as is_deleted
    from (
        select
            once.*,
            lag(dbt_is_deleted) over ({{ by_version }}) as deleted_before
        from (
            select
                versions.*,
                -- Of two at the same moment the open one holds, and what came back rather than what went.
                row_number() over (
                    partition by {{ natural_key }}, dbt_valid_from
                    order by coalesce(dbt_valid_to, {{ history_end() }}) desc, dbt_is_deleted asc, dbt_scd_id asc
                ) as copy_number,
                max(case when dbt_valid_to is null then dbt_valid_from end)
                    over (partition by {{ natural_key }}) as open_from
            from {{ snapshot }} as versions
            where {{ natural_key }} is not null and coalesce(dbt_valid_to, {{ history_end() }}) > dbt_valid_from
        ) as once
        where copy_number = 1 and (dbt_valid_to is null or dbt_valid_from < coalesce(open_from, {{ history_end() }}))
    ) as changes
    where dbt_is_deleted = 'False' or coalesce(deleted_before, 'False') = 'False'
{%- endmacro %}

{# All members of a dimension: the versions of CTE `history`, one inferred member for each key that CTE `referenced` has and
   the history lacks, and the unknown member. An inferred member has the key of a first version, so that facts keep
   pointing to the right row when the member lands at last. Joined back to `history` by dbt_scd_id, the attributes of
   stand-ins come out as nulls of the right type. A dimension whose versions can be inserted between others (dim_employee)
   names them by another column than their number; its first version is '1' all the same. #}
{% macro scd2_members(natural_key, version='version_number', unknown_id="'unknown'") -%}
    select
        {{ dbt_utils.generate_surrogate_key([natural_key, version]) }} as member_key,
        {{ natural_key }},
        version_number,
        dbt_scd_id,
        valid_from,
        valid_to,
        is_current,
        is_deleted,
        false as is_inferred,
        false as is_unknown
    from history
    union all
    select
        {{ dbt_utils.generate_surrogate_key(['missing.' ~ natural_key, '1']) }} as member_key,
        missing.{{ natural_key }},
        1 as version_number,
        cast(null as {{ dbt.type_string() }}) as dbt_scd_id,
        {{ history_start() }} as valid_from,
        {{ history_end() }} as valid_to,
        true as is_current,
        false as is_deleted,
        true as is_inferred,
        false as is_unknown
    from (
        select distinct {{ natural_key }}
        from referenced
        where {{ natural_key }} is not null
            and not exists (select 1 from history where history.{{ natural_key }} = referenced.{{ natural_key }})
    ) as missing
    union all
    select
        {{ unknown_member_key() }} as member_key,
        {{ unknown_id }} as {{ natural_key }},
        1 as version_number,
        cast(null as {{ dbt.type_string() }}) as dbt_scd_id,
        {{ history_start() }} as valid_from,
        {{ history_end() }} as valid_to,
        true as is_current,
        false as is_deleted,
        false as is_inferred,
        true as is_unknown
{%- endmacro %}

{# Join condition: the version that was valid when the event happened. #}
{% macro valid_at(event_date, version_alias) -%}
    {{ version_alias }}.valid_from <= cast({{ event_date }} as {{ dbt.type_timestamp() }})
        and {{ version_alias }}.valid_to > cast({{ event_date }} as {{ dbt.type_timestamp() }})
{%- endmacro %}

{# The whole join of a fact to the version of a dimension that was valid at the event. Left, because a fact without its
   member stays and points to the unknown one. #}
{% macro point_in_time_join(dimension, natural_key, fact, event_date) -%}
    left join {{ dimension }}
        on {{ fact }}.{{ natural_key }} = {{ dimension }}.{{ natural_key }}
        and {{ valid_at(fact ~ '.' ~ event_date, dimension) }}
{%- endmacro %}
