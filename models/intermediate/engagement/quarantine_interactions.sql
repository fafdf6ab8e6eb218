with interactions as (

    select * from {{ ref('int_engagement__interactions_validated') }}

),

final as (

    select
        event_id as quarantine_key,
        'interactions' as entity_name,
        'event ' || event_id || ', ' || source_ref as record_key,
        reason_codes,
        severity,
        event_id,
        client_id,
        tenant_id,
        channel,
        event_type,
        duration_ms,
        event_at,
        received_at,
        accepted_until_at,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from interactions
    where reason_codes is not null

)

select * from final
