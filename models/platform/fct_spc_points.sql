-- Individuals and moving-range charts. Constants for ranges of two: 1.128 (d2) and 3.267 (D4); docs/observability.md.
{% set baseline = var('spc_baseline_points') | int %}
{% set key = 'measure_name, dataset_name, epoch' %}
{% set ranged_key = 'ranged.measure_name, ranged.dataset_name, ranged.epoch' %}
{% set series = 'partition by ' ~ key ~ ' order by measured_date' %}

with measures as (

    select * from {{ ref('int_platform__spc_measures') }}

),

owners as (

    select
        dataset_name,
        max(owner_team) as owner_team
    from {{ ref('fct_row_counts') }}
    group by dataset_name

),

ranged as (

    select
        measures.*,
        row_number() over ({{ series }}) as point_number,
        lag(measures.measure_value) over ({{ series }}) as previous_value,
        lag(measures.measured_date) over ({{ series }}) as previous_date,
        lag(measures.measure_value, 2) over ({{ series }}) as value_before,
        abs(measures.measure_value - lag(measures.measure_value) over ({{ series }})) as moving_range
    from measures

),

trial as (

    select
        {{ key }},
        avg(measure_value) as centre,
        avg(moving_range) as mean_range
    from ranged
    where point_number <= {{ baseline }} and has_limits
    group by {{ key }}
    having count(*) = {{ baseline }}

),

-- The baseline is made stable once: points beyond their own limits, and jumps between neighbours, are left out.
limits as (

    select
        {{ ranged_key }},
        avg(ranged.measure_value) as centre,
        avg(case when ranged.moving_range <= 3.267 * trial.mean_range then ranged.moving_range end) as mean_range
    from ranged
    inner join trial
        on ranged.measure_name = trial.measure_name and ranged.dataset_name = trial.dataset_name
        and ranged.epoch = trial.epoch
    where
        ranged.point_number <= {{ baseline }}
        and abs(ranged.measure_value - trial.centre) <= 3 * trial.mean_range / 1.128
    group by {{ ranged_key }}

),

signed as (

    select
        ranged.*,
        limits.centre as centre_line,
        limits.centre - 3 * limits.mean_range / 1.128 as lower_limit,
        limits.centre + 3 * limits.mean_range / 1.128 as upper_limit,
        3.267 * limits.mean_range as moving_range_limit,
        sign(ranged.measure_value - limits.centre) as side,
        coalesce(sign(ranged.measure_value - ranged.previous_value), 0) as direction,
        case
            when sign(ranged.measure_value - ranged.previous_value) = -sign(ranged.previous_value - ranged.value_before)
                and ranged.measure_value <> ranged.previous_value then 1
            else 0
        end as is_turn
    from ranged
    left join limits
        on ranged.measure_name = limits.measure_name and ranged.dataset_name = limits.dataset_name
        and ranged.epoch = limits.epoch

),

-- Nelson (1984): 9 points on one side, 6 rising or falling (5 steps), 14 up and down in turn (12 turns).
runs as (

    select
        signed.*,
        abs(sum(signed.side) over ({{ series }} rows between 8 preceding and current row)) as side_run,
        abs(sum(signed.direction) over ({{ series }} rows between 4 preceding and current row)) as direction_run,
        sum(signed.is_turn) over ({{ series }} rows between 11 preceding and current row) as turn_run
    from signed

),

ruled as (

    select
        runs.*,
        case when runs.measure_value < runs.lower_limit or runs.measure_value > runs.upper_limit then '1 ' else '' end
        || case when runs.side_run = 9 then '2 ' else '' end
        || case when runs.direction_run = 5 then '3 ' else '' end
        || case when runs.turn_run = 12 then '4' else '' end as rules,
        -- Half of it gone or half as much again since the day before; from nothing to something is a jump too.
        coalesce(
            runs.measure_name in ('row_count', 'rows_landed') and runs.measure_value <> runs.previous_value
            and abs(runs.measure_value - runs.previous_value) >= 0.5 * runs.previous_value
            and runs.previous_date = {{ dbt.dateadd('day', -1, 'runs.measured_date') }},
            false
        ) as is_volume_jump,
        coalesce(runs.measure_value > runs.sla_limit, false) as is_over_sla
    from runs

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['ruled.measure_name', 'ruled.dataset_name', 'ruled.measured_date']) }}
            as spc_point_key,
        ruled.measure_name,
        ruled.dataset_name,
        owners.owner_team,
        ruled.measured_date,
        ruled.point_number,
        ruled.measure_value,
        ruled.previous_value,
        ruled.moving_range,
        ruled.centre_line,
        ruled.lower_limit,
        ruled.upper_limit,
        ruled.moving_range_limit,
        ruled.sla_limit,
        case when ruled.centre_line is not null then trim(ruled.rules) end as broken_rules,
        case when ruled.centre_line is not null then ruled.rules = '' end as is_stable,
        coalesce(ruled.moving_range > ruled.moving_range_limit, false) as is_range_out,
        ruled.is_volume_jump,
        ruled.is_over_sla,
        (ruled.centre_line is not null and ruled.rules <> '') or ruled.is_volume_jump or ruled.is_over_sla as is_alert
    from ruled
    left join owners on ruled.dataset_name = owners.dataset_name

)

select * from final
