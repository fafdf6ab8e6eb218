-- A plain table: some thousand payouts a year do not pay for the care that an incremental fact takes.
with payouts as (

    select * from {{ ref('int_finance__payouts_validated') }}
    where reason_codes is null

),

final as (

    select
        payout_id as payout_key,
        employee_key,
        plan_version_key,
        tenant_id,
        payout_id,
        plan_id,
        employee_id,
        order_id,
        plan_version,
        plan_name,
        plan_metric,
        payout_status,
        warning_codes,
        currency_code,
        rate_percent,
        cap_amount,
        basis_amount,
        payout_amount,
        -- A payout that was reversed as such is not paid; a clawback is a row of its own, below zero.
        cast(case when payout_status = 'reversed' and payout_amount > 0 then 0 else payout_amount end as decimal(18, 4))
            as net_payout_amount,
        basis_amount_gbp,
        payout_amount_gbp,
        cast(
            case when payout_status = 'reversed' and payout_amount > 0 then 0 else payout_amount_gbp end
            as decimal(18, 4)
        ) as net_payout_amount_gbp,
        -- Without a cap nothing is held back.
        coalesce(uncapped_amount > cap_amount, false) as is_capped,
        payout_status = 'reversed' and payout_amount > 0 as is_reversed,
        payout_amount < 0 as is_clawback,
        payout_amount > 0 and clawed_back_amount > 0 as is_clawed_back,
        payout_status = 'paid' as is_paid,
        period_start_date,
        period_end_date,
        paid_date,
        updated_at,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from payouts

)

select * from final
