with source as (

    select * from {{ source('capacity_plan', 'capability_mapping') }}

),

final as (

    select
        cost_center as cost_center_id,
        job_profile,
        capability as capability_name,
        share_percent,
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
