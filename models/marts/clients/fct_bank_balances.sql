with balances as (

    select * from {{ ref('int_clients__balances_validated') }}
    where reason_codes is null

),

clients as (

    select * from {{ ref('dim_client') }}

),

final as (

    select
        balances.balance_key,
        coalesce(clients.client_key, {{ unknown_member_key() }}) as client_key,
        balances.relationship_id,
        balances.client_id,
        clients.tenant_id,
        balances.bank_bic,
        {{ bic_country('balances.bank_bic') }} as bank_country_code,
        balances.bank_product,
        balances.currency_code,
        balances.balance_amount,
        balances.balance_amount_gbp,
        balances.warning_codes,
        balances.balance_date,
        balances.last_modified_at,
        balances.row_hash,
        balances.source_ref,
        balances.load_id,
        balances.landed_at
    from balances
    {{ point_in_time_join('clients', 'client_id', 'balances', 'balance_date') }}

)

select * from final
