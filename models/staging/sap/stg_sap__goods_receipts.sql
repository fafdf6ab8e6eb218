with source as (

    select * from {{ source('sap', 'goods_receipts') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['purchase_order', 'purchase_order_item']) }} as purchase_order_line_key,
        material_document_year,
        material_document as material_document_id,
        material_document_item as material_document_line_number,
        {{ blank_to_null('purchase_order') }} as purchase_order_id,
        {{ blank_to_null('purchase_order_item') }} as purchase_order_line_number,
        {{ blank_to_null('material') }} as material_id,
        {{ blank_to_null('plant') }} as plant_id,
        {{ blank_to_null('supplier') }} as supplier_id,
        goods_movement_type,
        {{ blank_to_null('reversed_material_document_year') }} as reversed_material_document_year,
        {{ blank_to_null('reversed_material_document') }} as reversed_material_document_id,
        {{ blank_to_null('reversed_material_document_item') }} as reversed_material_document_line_number,
        {{ blank_to_null('entry_unit') }} as entry_unit,
        quantity_in_entry_unit as moved_quantity,
        coalesce(goods_movement_is_cancelled, false) as is_cancelled,
        document_date,
        posting_date,
        creation_date as created_date,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
