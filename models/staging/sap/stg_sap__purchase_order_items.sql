with source as (

    select * from {{ source('sap', 'purchase_order_items') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['purchase_order', 'purchase_order_item']) }} as purchase_order_line_key,
        purchase_order as purchase_order_id,
        purchase_order_item as purchase_order_line_number,
        {{ blank_to_null('material') }} as material_id,
        plant as plant_id,
        {{ blank_to_null('material_group') }} as material_group_id,
        {{ blank_to_null('purchase_requisition') }} as purchase_requisition_id,
        {{ blank_to_null('purchase_requisition_item') }} as purchase_requisition_line_number,
        {{ blank_to_null('purchase_order_item_text') }} as line_description,
        purchase_order_quantity_unit as order_unit,
        coalesce({{ blank_to_null('order_price_unit') }}, purchase_order_quantity_unit) as price_unit,
        document_currency as currency_code,
        order_quantity,
        net_price_amount,
        net_price_quantity,
        overdeliv_tolrtd_lmt_ratio_in_pct as overdelivery_tolerance_percent,
        underdeliv_tolrtd_lmt_ratio_in_pct as underdelivery_tolerance_percent,
        coalesce(purchasing_document_deletion_code = 'L', false) as is_deleted,
        coalesce(is_completely_delivered, false) as is_delivery_completed,
        goods_receipt_is_expected as is_goods_receipt_expected,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
