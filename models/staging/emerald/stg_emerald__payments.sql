with source as (

    select * from {{ source('emerald', 'payments') }}

),

final as (

    select
        payment_id,
        client_id,
        bank_bic,
        direction as payment_direction,
        status as payment_status,
        currency as currency_code,
        amount as payment_amount,
        {{ utc_timestamp('executed_at') }} as executed_at,
        {{ utc_timestamp('modified_at') }} as last_modified_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
