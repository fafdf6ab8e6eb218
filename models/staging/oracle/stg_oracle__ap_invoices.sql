with source as (

    select * from {{ source('oracle', 'ap_invoices') }}

),

final as (

    select
        invoice_id,
        supplier_number as supplier_id,
        {{ blank_to_null('purchase_order_number') }} as purchase_order_id,
        invoice_number,
        lower(invoice_type) as invoice_type,
        business_unit,
        {{ blank_to_null('supplier') }} as supplier_name,
        invoice_currency as currency_code,
        lower(paid_status) as paid_status,
        invoice_amount,
        amount_paid as paid_amount,
        canceled_flag as is_cancelled,
        invoice_date,
        terms_date,
        due_date,
        payment_date,
        accounting_date,
        canceled_date as cancelled_date,
        {{ utc_timestamp('creation_date') }} as created_at,
        {{ utc_timestamp('last_update_date') }} as last_updated_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
