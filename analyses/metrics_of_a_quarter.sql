-- Metrics asked by name, and one of them worked out by hand. By quarter for the group:
--   python -m tools.metrics query --metrics net_revenue_amount_gbp,operating_margin --group-by metric_time__quarter
-- By what else they can be cut, and one cut further:
--   python -m tools.metrics list dimensions --metrics net_revenue_amount_gbp
--   python -m tools.metrics query --metrics net_revenue_amount_gbp --group-by product__product_category
-- The year so far, four weeks up to each day, and the SQL behind a figure:
--   python -m tools.metrics query --metrics net_revenue_amount_gbp_ytd --group-by metric_time__month
--   python -m tools.metrics query --metrics sign_up_growth_28d --group-by metric_time__day --limit 10
--   python -m tools.metrics query --metrics contribution_margin --explain --quiet
-- From order to payment, and from session to order:
--   python -m tools.metrics query --metrics order_to_payment_rate_90d --group-by metric_time__month
--   python -m tools.metrics query --metrics session_to_order_rate_7d --group-by metric_time__quarter
-- Below, the first of them by hand: the group's margin comes from added-up amounts, not from the companies' margins.
with quarters as (

    select * from {{ ref('agg_profit_quarterly') }}

),

final as (

    select
        quarters.quarter_start_date,
        cast(sum(quarters.net_revenue_amount_gbp) as decimal(18, 4)) as net_revenue_amount_gbp,
        cast(sum(quarters.operating_profit_amount_gbp) as double)
        / nullif(cast(sum(quarters.net_revenue_amount_gbp) as double), 0) as operating_margin
    from quarters
    group by quarters.quarter_start_date

)

select * from final
order by quarter_start_date
