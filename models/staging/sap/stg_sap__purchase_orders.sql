with source as (

    select * from {{ source('sap', 'purchase_orders') }}

),

final as (

    select
        purchase_order as purchase_order_id,
        supplier as supplier_id,
        {{ blank_to_null('company_code') }} as company_code,
        {{ blank_to_null('purchasing_organization') }} as purchasing_organization_id,
        {{ blank_to_null('purchasing_group') }} as purchasing_group_id,
        {{ blank_to_null('purchase_order_type') }} as purchase_order_type,
        {{ blank_to_null('payment_terms') }} as payment_terms,
        document_currency as currency_code,
        cast(exchange_rate as decimal(9, 5)) as exchange_rate,
        -- SAP's 'L' is deleted; 'S' is blocked, which is still an order.
        coalesce(purchasing_document_deletion_code = 'L', false) as is_deleted,
        purchase_order_date,
        creation_date as created_date,
        {{ utc_timestamp('last_change_date_time') }} as last_changed_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
