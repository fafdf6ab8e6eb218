with clients as (

    select * from {{ ref('int_clients__clients_validated') }}

),

final as (

    select
        client_id as quarantine_key,
        'clients' as entity_name,
        'client ' || client_id as record_key,
        reason_codes,
        severity,
        client_id,
        tenant_id,
        lei,
        declared_bank_bic,
        country_code,
        client_status,
        onboarded_date,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from clients
    where reason_codes is not null

)

select * from final
