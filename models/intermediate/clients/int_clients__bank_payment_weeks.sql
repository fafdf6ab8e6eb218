-- A table: payments are added up once for the weekly indicators, the first weeks and the restatements.
{{ config(materialized='table') }}

with payments as (

    select
        client_id,
        bank_bic,
        executed_date,
        payment_amount_gbp
    from {{ ref('int_clients__payments_validated') }}
    -- Money that moved: a payment that failed or was returned is no business with the bank.
    where reason_codes is null and payment_status = 'executed'

),

partner_banks as (

    select * from {{ ref('partner_banks') }}

),

placed as (

    select
        payments.client_id,
        {{ bank_group('payments.bank_bic') }} as bank_group,
        -- 1900-01-01 was a Monday.
        cast(
            floor({{ dbt.datediff("cast('1900-01-01' as date)", 'payments.executed_date', 'day') }} / 7) as integer
        ) as week_number,
        payments.payment_amount_gbp
    from payments
    left join partner_banks on {{ bic_institution('payments.bank_bic') }} = partner_banks.institution_code

),

final as (

    select
        client_id,
        bank_group,
        week_number,
        cast(count(*) as integer) as payment_count,
        cast(sum(payment_amount_gbp) as decimal(18, 4)) as payment_amount_gbp
    from placed
    group by client_id, bank_group, week_number

)

select * from final
