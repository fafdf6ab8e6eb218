with payouts as (

    select * from {{ ref('stg_incentive__payouts') }}

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

converted as (

    select
        payouts.order_id,
        payouts.landed_at,
        -- A clawback is a record of its own with a negative amount and stands; a reversed payout that is positive does not.
        payouts.payout_status <> 'reversed' or payouts.payout_amount < 0 as is_standing,
        {{ in_gbp('payouts.payout_amount') }} as payout_amount_gbp
    from payouts
    -- The month that a payout is for, which is known before it is paid.
    left join rates on {{ rate_at('payouts.currency_code', 'payouts.period_start_date') }}
    where payouts.order_id is not null

),

final as (

    select
        order_id,
        cast(sum(case when is_standing then payout_amount_gbp else 0 end) as decimal(18, 4)) as incentive_amount_gbp,
        cast(sum(case when is_standing then 1 else 0 end) as integer) as payout_count,
        cast(sum(case when is_standing and payout_amount_gbp is null then 1 else 0 end) as integer)
            as payouts_without_rate_count,
        -- Also of what no longer stands: it is the change that counts.
        max(landed_at) as incentive_landed_at
    from converted
    group by order_id

)

select * from final
