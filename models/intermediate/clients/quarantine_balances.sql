with balances as (

    select * from {{ ref('int_clients__balances_validated') }}

),

final as (

    select
        balance_key as quarantine_key,
        'balances' as entity_name,
        'balance of relationship ' || relationship_id || ' on ' || cast(balance_date as {{ dbt.type_string() }})
            as record_key,
        reason_codes,
        severity,
        relationship_id,
        client_id,
        bank_product,
        currency_code,
        balance_amount,
        usual_amount_gbp,
        balance_date,
        started_date,
        ended_date,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from balances
    where reason_codes is not null

)

select * from final
