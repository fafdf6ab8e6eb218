{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='row_count_key',
    on_schema_change='fail'
) }}

with profiles as (

    select * from {{ ref('stg_ops__dataset_profiles') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['dataset_name', 'measured_date']) }} as row_count_key,
        invocation_id,
        dataset_name,
        dataset_kind,
        owner_team,
        measured_date,
        row_count,
        duplicate_row_count,
        quarantined_row_count,
        measured_at
    from profiles
    where
        tenant_id = 'all'
        {% if is_incremental_run() %}
        and measured_at >= (select {{ lookback_start('existing.measured_at') }} from {{ this }} as existing)
        {% endif %}

)

select * from final
