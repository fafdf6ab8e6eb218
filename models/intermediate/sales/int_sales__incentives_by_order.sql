with payouts as (

    -- What waits in quarantine is in no mart.
    select
        *,
        -- A clawback is a record of its own with a negative amount and stands; a positive reversed payout does not.
        payout_status <> 'reversed' or payout_amount < 0 as is_standing
    from {{ ref('int_finance__payouts_validated') }}
    where reason_codes is null
        and order_id is not null

),

final as (

    select
        order_id,
        cast(sum(case when is_standing then payout_amount_gbp else 0 end) as decimal(18, 4)) as incentive_amount_gbp,
        cast(sum(case when is_standing then 1 else 0 end) as integer) as payout_count,
        -- Also of what no longer stands: it is the change that counts.
        max(landed_at) as incentive_landed_at
    from payouts
    group by order_id

)

select * from final
