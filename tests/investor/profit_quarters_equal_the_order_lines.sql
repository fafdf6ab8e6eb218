-- The mart takes its figures from fct_unit_profit, the bridge its causes from the judged order lines: both have to
-- start from the same amounts, exactly, or a cause would explain what is not there.
{% set day = "coalesce(shipped_date, order_date)" %}

with unit_profit as (

    select
        tenant_id,
        cast({{ dbt.date_trunc('quarter', day) }} as date) as quarter_start_date,
        cast(sum(revenue_amount_gbp) as decimal(28, 4)) as net_revenue_amount_gbp,
        cast(sum(cost_amount_gbp) as decimal(28, 4)) as cost_amount_gbp,
        cast(sum(freight_amount_gbp) as decimal(28, 4)) as freight_amount_gbp
    from {{ ref('fct_unit_profit') }}
    group by tenant_id, cast({{ dbt.date_trunc('quarter', day) }} as date)

),

quarters as (

    select
        tenant_id,
        quarter_start_date,
        cast(sum(net_revenue_amount_gbp) as decimal(28, 4)) as net_revenue_amount_gbp,
        cast(sum(cost_amount_gbp) as decimal(28, 4)) as cost_amount_gbp,
        cast(sum(freight_amount_gbp) as decimal(28, 4)) as freight_amount_gbp
    from {{ ref('agg_profit_quarterly') }}
    group by tenant_id, quarter_start_date

),

events as (

    select
        tenant_id,
        event_quarter_date as quarter_start_date,
        cast(
            sum(case when profit_line = 'net_revenue' and not is_returned then amount_gbp else 0 end) as decimal(28, 4)
        ) as net_revenue_amount_gbp,
        cast(-sum(case when profit_line = 'cost' then amount_gbp else 0 end) as decimal(28, 4)) as cost_amount_gbp,
        cast(-sum(case when profit_line = 'freight' then amount_gbp else 0 end) as decimal(28, 4)) as freight_amount_gbp
    from {{ ref('int_investor__placed_events') }}
    where origin = 'accepted'
    group by tenant_id, event_quarter_date

),

compared as (

    select
        unit_profit.*,
        quarters.net_revenue_amount_gbp as mart_net_revenue_amount_gbp,
        quarters.cost_amount_gbp as mart_cost_amount_gbp,
        quarters.freight_amount_gbp as mart_freight_amount_gbp,
        coalesce(events.net_revenue_amount_gbp, 0) as bridge_net_revenue_amount_gbp,
        coalesce(events.cost_amount_gbp, 0) as bridge_cost_amount_gbp,
        coalesce(events.freight_amount_gbp, 0) as bridge_freight_amount_gbp
    from unit_profit
    left join quarters
        on unit_profit.tenant_id = quarters.tenant_id
        and unit_profit.quarter_start_date = quarters.quarter_start_date
    left join events
        on unit_profit.tenant_id = events.tenant_id and unit_profit.quarter_start_date = events.quarter_start_date

)

select * from compared
where net_revenue_amount_gbp is distinct from mart_net_revenue_amount_gbp
    or cost_amount_gbp is distinct from mart_cost_amount_gbp
    or freight_amount_gbp is distinct from mart_freight_amount_gbp
    or net_revenue_amount_gbp <> bridge_net_revenue_amount_gbp
    or cost_amount_gbp <> bridge_cost_amount_gbp
    or freight_amount_gbp <> bridge_freight_amount_gbp
