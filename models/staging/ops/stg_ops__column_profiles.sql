with source as (

    select * from {{ source('ops', 'column_profiles') }}

),

final as (

    select
        dataset_name,
        column_name,
        tenant_id,
        measured_date,
        invocation_id,
        column_position,
        data_type,
        row_count,
        profiled_row_count,
        filled_count,
        distinct_count,
        min_value,
        max_value,
        mean_value,
        standard_deviation,
        {{ utc_timestamp('measured_at') }} as measured_at
    from source
    -- What was measured last stands for the day, with the columns that the table had then.
    qualify dense_rank() over (
            partition by dataset_name, measured_date order by measured_at desc, invocation_id desc
        ) = 1

)

select * from final
