with judged as (

    select * from {{ ref('int_procurement__schedule_lines_validated') }}

),

final as (

    select
        schedule_line_key as quarantine_key,
        'schedule_lines' as entity_name,
        'order ' || purchase_order_id || ', line ' || purchase_order_line_number
        || ', delivery ' || schedule_line_number as record_key,
        reason_codes,
        severity,
        purchase_order_id,
        purchase_order_line_number,
        schedule_line_number,
        order_unit,
        scheduled_quantity,
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
