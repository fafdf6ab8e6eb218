with profiles as (

    select * from {{ ref('stg_ops__dataset_profiles') }}
    where tenant_id = 'all'

),

loads as (

    select * from {{ ref('stg_ops__loads') }}

),

results as (

    select * from {{ ref('stg_dbt_artifacts__run_results') }}

),

freshness as (

    select * from {{ ref('stg_dbt_artifacts__freshness') }}

),

measures as (

    -- Tables grow, so that their size has no stable mean. What is charted is by how much they grew.
    select
        'row_count' as measure_name,
        dataset_name,
        measured_date,
        cast(row_count as double) as measure_value,
        cast(null as double) as sla_limit,
        false as has_limits
    from profiles
    union all
    select
        'row_change' as measure_name,
        dataset_name,
        measured_date,
        cast(
            row_count - lag(row_count) over (partition by dataset_name order by measured_date) as double
        ) as measure_value,
        cast(null as double) as sla_limit,
        true as has_limits
    from profiles
    union all
    select
        'rows_landed' as measure_name,
        source_name || '.' || dataset_name as dataset_name,
        cast(finished_at as date) as measured_date,
        cast(sum(rows_good - rows_unchanged) as double) as measure_value,
        cast(null as double) as sla_limit,
        true as has_limits
    from loads
    where load_status = 'landed'
    group by source_name, dataset_name, cast(finished_at as date)
    union all
    select
        'run_seconds' as measure_name,
        {{ dataset_of('node_id') }} as dataset_name,
        cast(completed_at as date) as measured_date,
        cast(avg(execution_seconds) as double) as measure_value,
        cast(null as double) as sla_limit,
        true as has_limits
    from results
    where run_status = 'success' and node_id like 'model.%' and completed_at is not null
    group by {{ dataset_of('node_id') }}, cast(completed_at as date)
    union all
    -- The last check of the day. Its limit is what was promised, not what is usual.
    select
        'hours_since_landed' as measure_name,
        {{ dataset_of('node_id') }} as dataset_name,
        cast(measured_at as date) as measured_date,
        cast(age_seconds as double) / 3600 as measure_value,
        cast(warn_after_hours as double) as sla_limit,
        false as has_limits
    from freshness
    where age_seconds is not null
    qualify row_number() over (
            partition by node_id, cast(measured_at as date) order by measured_at desc, invocation_id desc
        ) = 1

),

-- An accepted change begins an epoch of the series: a baseline of its own, and nothing from before counts.
restarts as (

    select * from {{ ref('spc_restarts') }}

),

final as (

    select
        measures.measure_name,
        measures.dataset_name,
        measures.measured_date,
        measures.measure_value,
        measures.sla_limit,
        measures.has_limits,
        count(restarts.restart_date) as epoch
    from measures
    left join restarts
        on measures.dataset_name = restarts.dataset_name
        and restarts.measure_name in ('all', measures.measure_name)
        and measures.measured_date >= restarts.restart_date
    where
        measures.measure_value is not null
        and measures.measured_date > {{ dbt.dateadd('day', '-' ~ var('quality_history_days') | int, as_of_date()) }}
    group by
        measures.measure_name,
        measures.dataset_name,
        measures.measured_date,
        measures.measure_value,
        measures.sla_limit,
        measures.has_limits

)

select * from final
