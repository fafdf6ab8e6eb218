with source as (

    select * from {{ source('atom', 'orders') }}

),

final as (

    select
        order_id,
        customer_id,
        tenant as tenant_id,
        {{ blank_to_null('sales_rep_id') }} as sales_rep_id,
        status as order_status,
        channel,
        currency as currency_code,
        freight_amount,
        -- An order deleted in Atom stays as a flag: models that are built incrementally have to see it go.
        coalesce(_is_deleted, false) as is_deleted,
        {{ utc_timestamp('ordered_at') }} as ordered_at,
        {{ utc_timestamp('shipped_at') }} as shipped_at,
        {{ utc_timestamp('delivered_at') }} as delivered_at,
        {{ utc_timestamp('created_at') }} as created_at,
        {{ utc_timestamp('updated_at') }} as updated_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source

)

select * from final
