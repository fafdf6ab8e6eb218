with payments as (

    select * from {{ ref('int_clients__payments_validated') }}

),

final as (

    select
        payment_id as quarantine_key,
        'client_payments' as entity_name,
        'payment ' || payment_id || ' of client ' || client_id as record_key,
        reason_codes,
        severity,
        payment_id,
        client_id,
        bank_bic,
        payment_status,
        currency_code,
        payment_amount,
        client_status,
        onboarded_date,
        last_banked_date,
        executed_at,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from payments
    where reason_codes is not null

)

select * from final
