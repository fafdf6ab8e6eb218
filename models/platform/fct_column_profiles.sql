{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_name', 'measured_date'],
    on_schema_change='fail'
) }}

with profiles as (

    select * from {{ ref('stg_ops__column_profiles') }}
    where
        tenant_id = 'all'
        {% if is_incremental_run() %}
        and measured_at >= (select {{ lookback_start('existing.measured_at') }} from {{ this }} as existing)
        {% endif %}

),

datasets as (

    select * from {{ ref('stg_ops__dataset_profiles') }}
    where tenant_id = 'all'

),

shares as (

    select
        profiles.*,
        datasets.owner_team,
        1.0 - cast(profiles.filled_count as double) / nullif(profiles.profiled_row_count, 0) as null_ratio,
        profiles.profiled_row_count < profiles.row_count as is_sampled,
        -- What a sample still leaves open: it shrinks to nothing as the sample becomes the whole.
        sqrt(
            cast(greatest(profiles.row_count - profiles.profiled_row_count, 0) as double)
            / nullif(profiles.row_count - 1, 0)
        ) as finite_correction
    from profiles
    left join datasets
        on profiles.dataset_name = datasets.dataset_name
        and profiles.measured_date = datasets.measured_date

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['dataset_name', 'column_name', 'measured_date']) }} as column_profile_key,
        invocation_id,
        dataset_name,
        column_name,
        column_position,
        data_type,
        owner_team,
        measured_date,
        row_count,
        profiled_row_count,
        filled_count,
        cast(null_ratio as decimal(7, 6)) as null_share,
        -- Half the width of the 95 percent interval. Where the sample shows none, or nothing but, the rule of three.
        cast(case
            when not is_sampled then 0
            when filled_count in (0, profiled_row_count) then least(3.0 / profiled_row_count, 1)
            else 1.96 * sqrt(null_ratio * (1 - null_ratio) / profiled_row_count) * finite_correction
        end as decimal(7, 6)) as null_share_error,
        distinct_count,
        min_value,
        max_value,
        mean_value,
        case
            when mean_value is null then null
            when not is_sampled then 0
            else 1.96 * standard_deviation / sqrt(nullif(filled_count, 0)) * finite_correction
        end as mean_error,
        standard_deviation,
        is_sampled,
        measured_at
    from shares

)

select * from final
