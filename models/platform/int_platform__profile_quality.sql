-- A table, since the scores read it for each tenant and again for each day. Formulas in words: docs/observability.md.
{{ config(materialized='table') }}
{% set window = var('quality_window_days') | int %}
{% set history = var('quality_history_days') | int %}

with profiles as (

    select * from {{ ref('stg_ops__dataset_profiles') }}
    where measured_date > {{ dbt.dateadd('day', -(history + window), as_of_date()) }}

),

columns_seen as (

    select * from {{ ref('stg_ops__column_profiles') }}
    where measured_date > {{ dbt.dateadd('day', -(history + window), as_of_date()) }}

),

loads as (

    select * from {{ ref('stg_ops__loads') }}
    where rows_read > 0

),

filled as (

    select
        dataset_name,
        tenant_id,
        measured_date,
        cast(filled_count as double) / nullif(profiled_row_count, 0) as filled_share,
        avg(cast(filled_count as double) / nullif(profiled_row_count, 0)) over (
            partition by dataset_name, tenant_id, column_name
            order by measured_date rows between {{ window }} preceding and 1 preceding
        ) as usual_share
    from columns_seen

),

-- A column that is mostly empty says little by being a little emptier. One that is new is as usual.
least_filled as (

    select
        dataset_name,
        tenant_id,
        measured_date,
        min(case when usual_share >= 0.5 then least(filled_share / usual_share, 1) else 1 end) as portion
    from filled
    group by dataset_name, tenant_id, measured_date

),

accepted as (

    select
        profiles.dataset_name,
        profiles.measured_date,
        cast(loads.rows_good as double) / loads.rows_read as portion
    from profiles
    inner join loads
        on profiles.dataset_name = loads.source_name || '.' || loads.dataset_name
        and profiles.measured_date >= cast(loads.finished_at as date)
    where profiles.tenant_id = 'all'
    qualify row_number() over (
            partition by profiles.dataset_name, profiles.measured_date
            order by loads.finished_at desc, loads.load_id desc
        ) = 1

),

usual as (

    select
        profiles.*,
        max(profiles.row_count) over (
            partition by profiles.dataset_name, profiles.tenant_id
            order by profiles.measured_date rows between {{ window }} preceding and 1 preceding
        ) as usual_row_count
    from profiles

),

final as (

    select
        usual.dataset_name,
        usual.dataset_kind,
        usual.tenant_id,
        usual.owner_team,
        usual.source_datasets,
        usual.measured_date,
        usual.row_count,
        -- A table that never held a row is not incomplete; one that has lost all of them is.
        case
            when usual.row_count > 0 then 100 * coalesce(least_filled.portion, 1)
            when usual.usual_row_count > 0 then 0
        end as completeness,
        case
            when usual.dataset_kind = 'source' then 100 * accepted.portion
            else 100 * cast(usual.row_count as double) / nullif(usual.row_count + usual.quarantined_row_count, 0)
        end as validity,
        100 * (1 - cast(usual.duplicate_row_count as double) / nullif(usual.row_count, 0)) as uniqueness,
        usual.measured_at
    from usual
    left join least_filled
        on usual.dataset_name = least_filled.dataset_name
        and usual.tenant_id = least_filled.tenant_id
        and usual.measured_date = least_filled.measured_date
    left join accepted
        on usual.dataset_name = accepted.dataset_name
        and usual.measured_date = accepted.measured_date
    where usual.measured_date > {{ dbt.dateadd('day', -history, as_of_date()) }}

)

select * from final
