with source as (

    select * from {{ source('ops', 'dataset_profiles') }}

),

final as (

    select
        dataset_name,
        dataset_kind,
        tenant_id,
        measured_date,
        invocation_id,
        {{ blank_to_null('owner_team') }} as owner_team,
        source_datasets,
        row_count,
        profiled_row_count,
        duplicate_row_count,
        quarantined_row_count,
        {{ utc_timestamp('measured_at') }} as measured_at
    from source
    -- What was measured last stands for the day.
    qualify row_number() over (
            partition by dataset_name, tenant_id, measured_date order by measured_at desc, invocation_id desc
        ) = 1

)

select * from final
