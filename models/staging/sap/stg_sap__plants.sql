with source as (

    select * from {{ source('sap', 'plants') }}

),

final as (

    select
        plant as plant_id,
        plant_name,
        upper(country) as country_code,
        {{ blank_to_null('region') }} as region_name,
        {{ blank_to_null('city_name') }} as city_name,
        coalesce(is_marked_for_archiving, false) as is_marked_for_archiving,
        -- Plants have no snapshot, so a tombstone stays as a flag: old orders must still find their plant.
        coalesce(_is_deleted, false) as is_deleted,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source

)

select * from final
