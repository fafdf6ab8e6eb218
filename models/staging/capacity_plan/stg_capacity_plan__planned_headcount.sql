with source as (

    select * from {{ source('capacity_plan', 'planned_headcount') }}

),

final as (

    select
        cost_center as cost_center_id,
        capability as capability_name,
        planned_fte,
        plan_month as plan_month_date,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _source_file as source_file,
        _source_line as source_line,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
