with source as (

    select * from {{ source('oracle', 'requisition_lines') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['requisition_header_id', 'line_number']) }} as requisition_line_key,
        {{ dbt_utils.generate_surrogate_key(['purchase_order', 'purchase_order_line']) }} as purchase_order_line_key,
        requisition_header_id as requisition_id,
        line_number as requisition_line_number,
        {{ blank_to_null('item') }} as material_id,
        {{ blank_to_null('supplier_number') }} as supplier_id,
        {{ blank_to_null('deliver_to_location') }} as plant_id,
        {{ blank_to_null('purchase_order') }} as purchase_order_id,
        {{ blank_to_null('purchase_order_line') }} as purchase_order_line_number,
        {{ blank_to_null('item_description') }} as line_description,
        {{ blank_to_null('category_name') }} as category_name,
        replace(lower(line_status), 'canceled', 'cancelled') as line_status,
        uom as quantity_unit,
        currency_code,
        quantity as requested_quantity,
        price as unit_price_amount,
        requested_delivery_date,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
