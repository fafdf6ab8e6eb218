with profiles as (

    select * from {{ ref('int_platform__profile_quality') }}

),

tests as (

    select * from {{ ref('fct_test_results') }}

),

freshness as (

    select * from {{ ref('fct_freshness') }}

),

-- Tests and freshness know no tenants: what they say holds for each.
days as (

    select
        dataset_name,
        source_datasets,
        measured_date
    from profiles
    where tenant_id = 'all'

),

-- A test that has not run for a week says nothing about today.
last_results as (

    select
        days.dataset_name,
        days.measured_date,
        case tests.run_status when 'pass' then 1.0 when 'warn' then 0.5 else 0.0 end as portion
    from days
    inner join tests
        on days.dataset_name = tests.dataset_name
        and days.measured_date >= cast(tests.started_at as date)
        and days.measured_date < {{ dbt.dateadd('day', 7, 'cast(tests.started_at as date)') }}
    where tests.test_kind = 'data' and tests.run_status <> 'skipped'
    qualify row_number() over (
            partition by days.dataset_name, days.measured_date, tests.node_id
            order by tests.started_at desc, tests.invocation_id desc
        ) = 1

),

consistency as (

    select
        dataset_name,
        measured_date,
        100 * avg(portion) as score
    from last_results
    group by dataset_name, measured_date

),

last_checks as (

    select
        days.dataset_name,
        days.measured_date,
        greatest(1 - cast(freshness.hours_late as double) / freshness.sla_hours, 0) as portion
    from days
    inner join freshness
        on {{ text_position("'|' || freshness.dataset_name || '|'", 'days.source_datasets') }} > 0
        and days.measured_date >= freshness.measured_date
        and days.measured_date < {{ dbt.dateadd('day', 7, 'freshness.measured_date') }}
    where freshness.hours_late is not null and freshness.sla_hours > 0
    qualify row_number() over (
            partition by days.dataset_name, days.measured_date, freshness.dataset_name
            order by freshness.measured_at desc, freshness.invocation_id desc
        ) = 1

),

timeliness as (

    select
        dataset_name,
        measured_date,
        100 * min(portion) as score
    from last_checks
    group by dataset_name, measured_date

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['profiles.dataset_name', 'tenant_id', 'profiles.measured_date']) }}
            as quality_score_key,
        profiles.dataset_name,
        profiles.dataset_kind,
        profiles.tenant_id,
        profiles.owner_team,
        profiles.measured_date,
        profiles.row_count,
        cast(profiles.completeness as decimal(5, 2)) as completeness,
        cast(profiles.validity as decimal(5, 2)) as validity,
        cast(profiles.uniqueness as decimal(5, 2)) as uniqueness,
        cast(consistency.score as decimal(5, 2)) as consistency,
        cast(timeliness.score as decimal(5, 2)) as timeliness,
        profiles.measured_at
    from profiles
    left join consistency
        on profiles.dataset_name = consistency.dataset_name
        and profiles.measured_date = consistency.measured_date
    left join timeliness
        on profiles.dataset_name = timeliness.dataset_name
        and profiles.measured_date = timeliness.measured_date

)

select * from final
