-- Worked example of growth: revenue of each whole quarter beside the quarter before and the year before, and the rates
-- worked out once more. The last two columns are 0 or, where there is nothing to compare with, empty.
with quarters as (

    select * from {{ ref('agg_growth_quarterly') }}
    where is_complete

),

final as (

    select
        quarters.tenant_id,
        quarters.quarter_start_date,
        quarters.revenue_amount_gbp,
        earlier.revenue_amount_gbp as revenue_of_quarter_before,
        year_before.revenue_amount_gbp as revenue_of_year_before,
        quarters.revenue_growth_qoq,
        quarters.revenue_growth_yoy,
        quarters.implausible_rates,
        quarters.revenue_growth_qoq - {{ growth_rate('quarters.revenue_amount_gbp', 'earlier.revenue_amount_gbp') }}
            as qoq_difference,
        quarters.revenue_growth_yoy - {{ growth_rate('quarters.revenue_amount_gbp', 'year_before.revenue_amount_gbp') }}
            as yoy_difference
    from quarters
    left join quarters as earlier
        on quarters.tenant_id = earlier.tenant_id
        and quarters.quarter_start_date = {{ dbt.dateadd('month', 3, 'earlier.quarter_start_date') }}
    left join quarters as year_before
        on quarters.tenant_id = year_before.tenant_id
        and quarters.quarter_start_date = {{ dbt.dateadd('month', 12, 'year_before.quarter_start_date') }}

)

select * from final
order by tenant_id, quarter_start_date
