with source as (

    select * from {{ source('scm_legacy', 'stock_counts') }}

),

final as (

    select
        count_no as stock_count_id,
        plant as plant_id,
        material_id,
        {{ blank_to_null('counter') }} as counter_id,
        unit as quantity_unit,
        counted_quantity,
        count_date as counted_date,
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
