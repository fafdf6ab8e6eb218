with source as (

    select * from {{ source('sap', 'material_stock') }}

),

final as (

    select
        -- All six of SAP's keys: a material that is managed in batches has a row for each batch.
        {{ dbt_utils.generate_surrogate_key([
            'material', 'plant', 'storage_location', 'batch', 'inventory_stock_type', 'inventory_special_stock_type',
        ]) }} as stock_key,
        material as material_id,
        plant as plant_id,
        storage_location as storage_location_id,
        {{ blank_to_null('batch') }} as batch_id,
        inventory_stock_type as stock_type,
        {{ blank_to_null('inventory_special_stock_type') }} as special_stock_type,
        material_base_unit as base_unit,
        matl_wrhs_stk_qty_in_matl_base_unit as stock_quantity,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    -- A tombstone leaves here: the stock is gone.
    where coalesce(_is_deleted, false) = false

)

select * from final
