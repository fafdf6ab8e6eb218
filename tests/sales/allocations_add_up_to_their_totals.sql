-- From the orders as staged and the payouts as judged, not from the totals that the fact was made with.
with profits as (

    select
        order_id,
        cast(sum(freight_amount) as decimal(18, 4)) as freight_amount,
        cast(sum(freight_amount_gbp) as decimal(18, 4)) as freight_amount_gbp,
        cast(sum(incentive_amount_gbp) as decimal(18, 4)) as incentive_amount_gbp
    from {{ ref('fct_unit_profit') }}
    group by order_id

),

orders as (

    select * from {{ ref('stg_atom__orders') }}
    where not is_deleted

),

incentives as (

    select
        order_id,
        cast(
            sum(case when payout_status = 'reversed' and payout_amount > 0 then 0 else payout_amount_gbp end)
            as decimal(18, 4)
        ) as incentive_amount_gbp
    from {{ ref('int_finance__payouts_validated') }}
    where reason_codes is null
    group by order_id

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

compared as (

    select
        orders.order_id,
        profits.freight_amount,
        profits.freight_amount_gbp,
        profits.incentive_amount_gbp,
        case when orders.shipped_at is null then 0 else orders.freight_amount end as order_freight_amount,
        case when orders.shipped_at is null then 0 else {{ in_gbp('orders.freight_amount') }} end
            as order_freight_amount_gbp,
        coalesce(incentives.incentive_amount_gbp, 0) as order_incentive_amount_gbp
    from profits
    left join orders on profits.order_id = orders.order_id
    left join incentives on profits.order_id = incentives.order_id
    left join rates on {{ rate_at('orders.currency_code', 'orders.ordered_at') }}

)

select * from compared
where freight_amount is distinct from order_freight_amount
    or freight_amount_gbp is distinct from order_freight_amount_gbp
    or incentive_amount_gbp is distinct from order_incentive_amount_gbp
