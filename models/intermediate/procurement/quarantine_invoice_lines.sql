with judged as (

    select * from {{ ref('int_procurement__invoice_lines_validated') }}

),

final as (

    select
        invoice_line_key as quarantine_key,
        'invoice_lines' as entity_name,
        'invoice ' || coalesce(invoice_number, invoice_id) || ', line ' || invoice_line_number as record_key,
        reason_codes,
        severity,
        invoice_id,
        invoice_line_number,
        purchase_order_id,
        purchase_order_line_number,
        supplier_id,
        invoice_number,
        invoice_type,
        business_unit,
        line_type,
        quantity_unit,
        order_unit,
        order_quantity,
        billed_quantity,
        currency_code,
        order_currency_code,
        line_amount,
        line_amount_gbp,
        invoice_amount,
        invoice_paid_amount,
        lines_amount,
        is_cancelled,
        invoice_date,
        due_date,
        payment_date,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from judged
    where reason_codes is not null

)

select * from final
