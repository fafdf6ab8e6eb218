{{ config(materialized='table') }}

with payments as (

    select * from {{ ref('stg_emerald__payments') }}

),

clients as (

    select * from {{ ref('stg_emerald__clients') }}

),

relationships as (

    select * from {{ ref('int_clients__bank_relationships_validated') }}

),

countries as (

    select * from {{ ref('countries') }}

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

banked as (

    select
        client_id,
        max(coalesce(ended_date, cast('9999-12-31' as date))) as last_banked_date
    from relationships
    where reason_codes is null
    group by client_id

),

checked as (

    select
        payments.*,
        {{ in_gbp('payments.payment_amount') }} as payment_amount_gbp,
        cast(payments.executed_at as date) as executed_date,
        -- Null while the client has not landed: that is no fault of the payment.
        clients.client_status,
        clients.onboarded_date,
        banked.last_banked_date,
        countries.country_name as bank_country_name,
        {{ bic_is_live('payments.bank_bic') }} as has_possible_bank,
        -- Two payments of one client to the penny and the second are one, sent twice.
        row_number() over (
            partition by
                payments.client_id,
                payments.bank_bic,
                payments.payment_direction,
                payments.currency_code,
                payments.payment_amount,
                payments.executed_at
            order by payments.payment_id
        ) as copy_number,
        {{ as_of_date() }} as judged_date
    from payments
    left join clients on payments.client_id = clients.client_id
    left join banked on payments.client_id = banked.client_id
    left join countries on {{ bic_country('payments.bank_bic') }} = countries.country_code
    left join rates on {{ rate_at('payments.currency_code', 'payments.executed_at') }}

),

final as (

    {{ evaluate_rules('checked') }}

)

select * from final
