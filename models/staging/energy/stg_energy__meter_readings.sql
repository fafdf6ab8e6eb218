with source as (

    select * from {{ source('energy', 'meter_readings') }}

),

final as (

    select
        meter_id,
        plant as plant_id,
        energy_type,
        unit as reading_unit,
        {{ blank_to_null('quality') }} as reading_quality,
        reading_value,
        {{ energy_in_mwh('reading_value', 'unit') }} as reading_mwh,
        coalesce(is_reset, false) as is_reset,
        {{ utc_timestamp('reading_at') }} as reading_at,
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
