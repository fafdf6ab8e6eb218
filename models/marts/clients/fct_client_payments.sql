with payments as (

    select * from {{ ref('int_clients__payments_validated') }}
    where reason_codes is null

),

clients as (

    select * from {{ ref('dim_client') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['payments.payment_id']) }} as payment_key,
        coalesce(clients.client_key, {{ unknown_member_key() }}) as client_key,
        payments.payment_id,
        payments.client_id,
        clients.tenant_id,
        payments.bank_bic,
        {{ bic_country('payments.bank_bic') }} as bank_country_code,
        payments.payment_direction,
        payments.payment_status,
        payments.currency_code,
        payments.payment_amount,
        payments.payment_amount_gbp,
        payments.warning_codes,
        payments.payment_status = 'executed' as is_executed,
        payments.executed_date,
        payments.executed_at,
        payments.last_modified_at,
        payments.row_hash,
        payments.source_ref,
        payments.load_id,
        payments.landed_at
    from payments
    {{ point_in_time_join('clients', 'client_id', 'payments', 'executed_at') }}

)

select * from final
