-- Worked example: how does one get from the profit of the mart to the profit of the journals? A row a step, a column a
-- profit line, for all companies and quarters that are over. In a good quarter the row `unexplained` is near 0.
with bridge as (

    select * from {{ ref('rpt_profit_bridge_quarterly') }}

),

quarters as (

    select * from {{ ref('agg_profit_quarterly') }}
    where is_complete

),

final as (

    select
        bridge.quarter_start_date,
        bridge.tenant_id,
        bridge.step_number,
        bridge.step_name,
        {% for line in ['net_revenue', 'cost', 'freight', 'incentive', 'other_cost_of_sales', 'operating_cost'] %}
        round(sum(case when bridge.profit_line = '{{ line }}' then bridge.amount_gbp else 0 end), 2) as {{ line }}_gbp,
        {% endfor %}
        round(sum(bridge.amount_gbp), 2) as operating_profit_gbp
    from bridge
    inner join quarters
        on bridge.tenant_id = quarters.tenant_id and bridge.quarter_start_date = quarters.quarter_start_date
    group by bridge.quarter_start_date, bridge.tenant_id, bridge.step_number, bridge.step_name

)

select * from final
order by quarter_start_date desc, tenant_id asc, step_number asc
