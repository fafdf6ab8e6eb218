with judged as (

    select * from {{ ref('int_procurement__purchase_order_lines_validated') }}

),

final as (

    select
        purchase_order_line_key as quarantine_key,
        'purchase_order_lines' as entity_name,
        'order ' || purchase_order_id || ', line ' || purchase_order_line_number as record_key,
        reason_codes,
        severity,
        purchase_order_id,
        purchase_order_line_number,
        supplier_id,
        material_id,
        plant_id,
        order_unit,
        price_unit,
        currency_code,
        order_currency_code,
        order_quantity,
        net_price_amount,
        net_price_quantity,
        net_amount,
        net_amount_gbp,
        received_quantity,
        is_deleted,
        purchase_order_date,
        scheduled_delivery_date,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from judged
    where reason_codes is not null

)

select * from final
