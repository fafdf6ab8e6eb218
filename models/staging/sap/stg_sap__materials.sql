with source as (

    select * from {{ source('sap', 'materials') }}

),

final as (

    select
        product as material_id,
        product_description as material_name,
        {{ blank_to_null('product_type') }} as material_type,
        {{ blank_to_null('product_group') }} as material_group_id,
        {{ blank_to_null('base_unit') }} as base_unit,
        {{ blank_to_null('weight_unit') }} as weight_unit,
        gross_weight,
        net_weight,
        coalesce(is_marked_for_deletion, false) as is_marked_for_deletion,
        creation_date as created_date,
        {{ utc_timestamp('last_change_date_time') }} as last_changed_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    -- A tombstone leaves here, so that the snapshot sees the material go.
    where coalesce(_is_deleted, false) = false

)

select * from final
