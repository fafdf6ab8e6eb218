with validated as (

    select * from {{ ref('int_finance__payouts_validated') }}

),

final as (

    select
        payout_id as quarantine_key,
        'incentive_payouts' as entity_name,
        'payout ' || payout_id as record_key,
        reason_codes,
        severity,
        payout_id,
        plan_id,
        plan_version,
        employee_id,
        order_id,
        payout_status,
        currency_code,
        plan_currency_code,
        rate_percent,
        cap_amount,
        basis_amount,
        payout_amount,
        uncapped_amount,
        period_start_date,
        plan_valid_from_date,
        plan_valid_to_date,
        paid_date,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from validated
    where reason_codes is not null

)

select * from final
