-- Weeks follow each other without a gap; in a rota no role has more than one week, one week as backup, or one week with
-- a holiday more than another. A role that has none at all does not show here; the test of the planner counts it.
with slots as (

    select * from {{ ref('on_call') }}

),

followed as (

    select
        rota_name,
        slot_start_date,
        slot_end_date,
        lead(slot_start_date) over (partition by rota_name order by slot_start_date) as next_start_date
    from slots

),

roles as (

    select distinct
        rota_name,
        on_call_role as role_name
    from slots
    union
    select distinct
        rota_name,
        backup_role as role_name
    from slots

),

loads as (

    select
        roles.rota_name,
        roles.role_name,
        sum(case when slots.on_call_role = roles.role_name then 1 else 0 end) as slot_count,
        sum(case when slots.backup_role = roles.role_name then 1 else 0 end) as backup_count,
        sum(case when slots.on_call_role = roles.role_name and slots.holiday_count > 0 then 1 else 0 end)
            as holiday_slot_count
    from roles
    inner join slots on roles.rota_name = slots.rota_name
    group by roles.rota_name, roles.role_name

),

gaps as (

    select
        'empty or doubled days' as problem,
        rota_name,
        cast(slot_end_date as {{ dbt.type_string() }}) as place
    from followed
    where next_start_date <> {{ dbt.dateadd('day', 1, 'slot_end_date') }}

),

{% for load in ['slot_count', 'backup_count', 'holiday_slot_count'] %}
unfair_{{ load }} as (

    select
        'unfair {{ load }}' as problem,
        rota_name,
        cast(max({{ load }}) - min({{ load }}) as {{ dbt.type_string() }}) as place
    from loads
    group by rota_name
    having max({{ load }}) - min({{ load }}) > 1

),
{% endfor %}

unfair as (

    {% for load in ['slot_count', 'backup_count', 'holiday_slot_count'] %}
    select * from unfair_{{ load }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select * from gaps
union all
select * from unfair
