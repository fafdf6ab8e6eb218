-- In percent of the quarter's net revenue. Below one pound nothing is worth a question, whatever the revenue was.
with bridge as (

    select * from {{ ref('rpt_profit_bridge_quarterly') }}

),

revenue as (

    select
        tenant_id,
        quarter_start_date,
        amount_gbp as net_revenue_amount_gbp
    from bridge
    where profit_line = 'net_revenue' and step_name = 'mart'

),

compared as (

    select
        bridge.tenant_id,
        bridge.quarter_start_date,
        bridge.profit_line,
        bridge.amount_gbp,
        revenue.net_revenue_amount_gbp,
        case
            when coalesce(revenue.net_revenue_amount_gbp, 0) = 0 then 100
            else round(
                    100 * abs(cast(bridge.amount_gbp as double))
                    / abs(cast(revenue.net_revenue_amount_gbp as double)), 2
                )
        end as unexplained_percent
    from bridge
    left join revenue
        on bridge.tenant_id = revenue.tenant_id and bridge.quarter_start_date = revenue.quarter_start_date
    where bridge.step_name = 'unexplained' and abs(bridge.amount_gbp) > 1

)

select * from compared
where unexplained_percent > {{ var('profit_bridge_tolerance_percent') }}
