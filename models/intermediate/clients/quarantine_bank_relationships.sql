with relationships as (

    select * from {{ ref('int_clients__bank_relationships_validated') }}

),

final as (

    select
        relationship_id as quarantine_key,
        'bank_relationships' as entity_name,
        'relationship ' || relationship_id || ' of client ' || client_id as record_key,
        reason_codes,
        severity,
        relationship_id,
        client_id,
        bank_bic,
        bank_product,
        relationship_status,
        client_status,
        started_date,
        ended_date,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from relationships
    where reason_codes is not null

)

select * from final
