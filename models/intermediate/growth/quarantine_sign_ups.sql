with sign_ups as (

    select * from {{ ref('int_growth__sign_ups_validated') }}

),

final as (

    select
        sign_up_id as quarantine_key,
        'sign_ups' as entity_name,
        'sign-up ' || sign_up_id || ', ' || source_ref as record_key,
        reason_codes,
        severity,
        sign_up_id,
        client_id,
        tenant_id,
        sign_up_status,
        currency_code,
        acquisition_cost_amount,
        signed_up_at,
        activated_at,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from sign_ups
    where reason_codes is not null

)

select * from final
