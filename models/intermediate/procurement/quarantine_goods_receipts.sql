with judged as (

    select * from {{ ref('int_procurement__goods_receipts_validated') }}

),

final as (

    select
        goods_receipt_key as quarantine_key,
        'goods_receipts' as entity_name,
        'document ' || material_document_year || '/' || material_document_id
        || ', line ' || material_document_line_number as record_key,
        reason_codes,
        severity,
        material_document_year,
        material_document_id,
        material_document_line_number,
        purchase_order_id,
        purchase_order_line_number,
        material_id,
        plant_id,
        goods_movement_type,
        entry_unit,
        order_unit,
        moved_quantity,
        reversed_receipt_quantity,
        reversed_in_all_quantity,
        purchase_order_date,
        posting_date,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from judged
    where reason_codes is not null

)

select * from final
