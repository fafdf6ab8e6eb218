{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='anomaly_key',
    on_schema_change='fail') }}

with row_counts as (

    select
        dataset_name,
        measured_date,
        row_count,
        row_count - lag(row_count) over (partition by dataset_name order by measured_date) as rows_added
    from {{ ref('fct_row_counts') }}

),

-- A table that hardly ever shrinks keeps what it has: not its size is judged but what it gained.
shrinking as (

    select
        dataset_name,
        measured_date,
        row_count,
        rows_added,
        avg(case when rows_added < 0 then 1.0 else 0.0 end) over (
            partition by dataset_name order by measured_date rows between 56 preceding and 1 preceding
        ) as shrinking_share
    from row_counts

),

column_profiles as (

    select * from {{ ref('fct_column_profiles') }}

),

freshness as (

    select * from {{ ref('fct_freshness') }}
    where hours_since_landed is not null
    qualify row_number() over (
            partition by dataset_name, measured_date order by measured_at desc, invocation_id desc
        ) = 1

),

signals as (

    {{ profile_signals('shrinking', 'column_profiles', 'freshness') }}

),

-- From here on, days are judged: those since the last run, or the last ones of the history.
judged_from as (

    {% if is_incremental_run() %}
    select cast({{ lookback_start('existing.measured_date') }} as date) as first_date
    from {{ this }} as existing
    {% else %}
    select cast({{ dbt.dateadd('day', '-' ~ var('anomaly_days') | int, as_of_date()) }} as date) as first_date
    {% endif %}

),

-- What the same weekday usually was. The median leaves out what was wrong on one of the eight.
deviations as (

    select
        now.series_key,
        now.measured_date,
        now.judged_value,
        median(past.judged_value) as weekday_value
    from signals as now
    inner join judged_from
        on now.measured_date >= {{ dbt.dateadd('day', -56, 'judged_from.first_date') }}
    inner join signals as past
        on {{ in_history_of('now', 'past') }}
        and now.weekday = past.weekday
    group by now.series_key, now.measured_date, now.judged_value
    having count(*) >= 3

),

-- How far days were from that of late: growth shifts all of them, noise spreads them.
shifts as (

    select
        now.series_key,
        now.measured_date,
        now.weekday_value,
        now.judged_value - now.weekday_value as deviation,
        median(past.judged_value - past.weekday_value) as usual_deviation
    from deviations as now
    inner join judged_from on now.measured_date >= judged_from.first_date
    inner join deviations as past on {{ in_history_of('now', 'past') }}
    group by now.series_key, now.measured_date, now.weekday_value, now.judged_value
    having count(*) >= 21

),

spreads as (

    select
        now.series_key,
        now.measured_date,
        abs(now.deviation - now.usual_deviation) as surprise,
        now.weekday_value + now.usual_deviation as expected_value,
        -- As wide as the standard deviation where noise is normal.
        1.4826 * median(abs(past.judged_value - past.weekday_value - now.usual_deviation)) as spread
    from shifts as now
    inner join deviations as past on {{ in_history_of('now', 'past') }}
    group by now.series_key, now.measured_date, now.deviation, now.usual_deviation, now.weekday_value

),

scores as (

    select
        signals.series_key,
        signals.dataset_name,
        signals.column_name,
        signals.measured_date,
        signals.signal_name,
        signals.signal_value,
        {{ signal_in_its_unit('signals.signal_name', 'spreads.expected_value') }} as expected_value,
        greatest(spreads.spread, {{ least_spread('signals.signal_name', 'spreads.expected_value') }}) as spread,
        spreads.surprise
    from spreads
    inner join signals
        on spreads.series_key = signals.series_key
        and spreads.measured_date = signals.measured_date

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['series_key', 'measured_date']) }} as anomaly_key,
        dataset_name,
        nullif(column_name, '') as column_name,
        measured_date,
        signal_name as signal, -- noqa: RF04
        signal_value,
        expected_value,
        cast(surprise / spread as decimal(18, 3)) as score,
        surprise / spread >= {{ var('anomaly_threshold') }} as is_anomaly
    from scores

)

select * from final
