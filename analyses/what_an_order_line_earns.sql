-- Worked example: from revenue before discount to contribution, by product category and year. Revenue before discount,
-- less discount, is net revenue; less cost, freight and incentive it is contribution. Lines without a known cost are
-- counted apart, because they look better than they are.
with profits as (

    select * from {{ ref('fct_unit_profit') }}
    where is_shipped

),

products as (

    select * from {{ ref('dim_product') }}

),

final as (

    select
        extract(year from profits.shipped_date) as shipped_year,
        products.product_category,
        round(sum(profits.revenue_amount_gbp + profits.discount_amount_gbp), 2) as gross_revenue_gbp,
        round(sum(profits.discount_amount_gbp), 2) as discount_gbp,
        round(sum(profits.revenue_amount_gbp), 2) as net_revenue_gbp,
        round(sum(profits.cost_amount_gbp), 2) as cost_gbp,
        round(sum(profits.freight_amount_gbp), 2) as freight_gbp,
        round(sum(profits.incentive_amount_gbp), 2) as incentive_gbp,
        round(sum(profits.contribution_amount_gbp), 2) as contribution_gbp,
        round(100.0 * sum(profits.contribution_amount_gbp) / nullif(sum(profits.revenue_amount_gbp), 0), 1)
            as contribution_percent,
        sum(case when profits.has_cost then 0 else 1 end) as lines_without_cost
    from profits
    left join products on profits.product_key = products.product_key
    group by extract(year from profits.shipped_date), products.product_category

)

select * from final
order by shipped_year asc, contribution_gbp desc
