-- Where do plan and actual headcount part for good? Capabilities on the same side of the plan, by more than a tenth, in
-- each of the last three ended months that have a plan.
with capacity as (

    select * from {{ ref('fct_capacity_plan') }}
    where is_month_ended and plan_status = 'planned'

),

numbered as (

    select
        capacity.*,
        row_number() over (
            partition by capacity.cost_center_id, capacity.capability_name order by capacity.month_start_date desc
        ) as months_back
    from capacity

),

last_three as (

    select
        tenant_id,
        cost_center_id,
        capability_name,
        count(*) as month_count,
        min(variance_percent) as lowest_variance_percent,
        max(variance_percent) as highest_variance_percent,
        avg(variance_fte) as average_variance_fte
    from numbered
    where months_back <= 3
    group by tenant_id, cost_center_id, capability_name

),

final as (

    select * from last_three
    where month_count = 3 and (lowest_variance_percent > 10 or highest_variance_percent < -10)

)

select * from final
order by abs(average_variance_fte) desc
