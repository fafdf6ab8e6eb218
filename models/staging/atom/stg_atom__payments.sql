with source as (

    select * from {{ source('atom', 'payments') }}

),

final as (

    select
        payment_id,
        order_id,
        customer_id,
        {{ blank_to_null('payer_bic') }} as payer_bic,
        method as payment_method,
        currency as currency_code,
        amount as payment_amount,
        -- A payment deleted in Atom stays as a flag: models that are built incrementally have to see it go.
        coalesce(_is_deleted, false) as is_deleted,
        {{ utc_timestamp('paid_at') }} as paid_at,
        {{ utc_timestamp('updated_at') }} as updated_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source

)

select * from final
