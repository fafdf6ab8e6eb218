with source as (

    select * from {{ source('oracle', 'ap_invoice_lines') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['invoice_id', 'line_number']) }} as invoice_line_key,
        {{ dbt_utils.generate_surrogate_key(['purchase_order_number', 'purchase_order_line_number']) }}
            as purchase_order_line_key,
        invoice_id,
        line_number as invoice_line_number,
        {{ blank_to_null('purchase_order_number') }} as purchase_order_id,
        {{ blank_to_null('purchase_order_line_number') }} as purchase_order_line_number,
        lower(line_type) as line_type,
        {{ blank_to_null('description') }} as line_description,
        {{ blank_to_null('distribution_combination') }} as account_combination,
        {{ blank_to_null('uom') }} as quantity_unit,
        quantity as billed_quantity,
        unit_price as unit_price_amount,
        line_amount,
        canceled_flag as is_cancelled,
        accounting_date,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
