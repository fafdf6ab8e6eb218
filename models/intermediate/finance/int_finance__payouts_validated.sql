-- A table: the fact and the quarantine read it, and each rule is evaluated once.
{{ config(materialized='table') }}

with payouts as (

    select * from {{ ref('stg_incentive__payouts') }}

),

plans as (

    select * from {{ ref('stg_incentive__plans') }}

),

orders as (

    select * from {{ ref('stg_atom__orders') }}

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

employees as (

    select * from {{ ref('dim_employee') }}

),

tenants as (

    select * from {{ ref('tenants') }}

),

-- What was paid and taken back for one order under one plan; a clawback follows the plan's version of its own month.
orders_of_plans as (

    select
        plan_id,
        employee_id,
        order_id,
        cast(sum(case when payout_amount > 0 then payout_amount else 0 end) as decimal(18, 4)) as earned_amount,
        cast(-sum(case when payout_amount < 0 then payout_amount else 0 end) as decimal(18, 4)) as clawed_back_amount
    from payouts
    where order_id is not null
    group by plan_id, employee_id, order_id

),

-- Without an order a plan pays once a month. With another basis it is an adjustment, not a copy.
numbered as (

    select
        payouts.*,
        cast({{ dbt.last_day('period_start_date', 'month') }} as date) as period_end_date,
        row_number() over (
            partition by
                payouts.plan_id, payouts.employee_id, payouts.order_id, payouts.period_start_date, payouts.basis_amount
            order by payouts.payout_id
        ) as copy_number
    from payouts

),

placed as (

    select
        numbered.*,
        plans.plan_version_key as found_plan_version_key,
        plans.plan_name,
        plans.plan_metric,
        plans.currency_code as plan_currency_code,
        plans.rate_percent,
        plans.cap_amount,
        plans.valid_from_date as plan_valid_from_date,
        plans.valid_to_date as plan_valid_to_date,
        coalesce(employees.employee_key, {{ unknown_member_key() }}) as employee_key,
        coalesce(employees.tenant_id, orders.tenant_id) as named_tenant_id,
        orders.order_id as found_order_id,
        rates.gbp_per_unit,
        {{ as_of_date() }} as judged_on_date,
        orders_of_plans.earned_amount,
        coalesce(orders_of_plans.clawed_back_amount, 0) as clawed_back_amount,
        cast(numbered.basis_amount * plans.rate_percent * 0.01 as decimal(18, 4)) as uncapped_amount,
        -- Nothing is nothing in any currency: it needs no rate.
        coalesce(
            {{ in_gbp('numbered.basis_amount') }}, case when numbered.basis_amount = 0 then 0 end
        ) as basis_amount_gbp,
        coalesce(
            {{ in_gbp('numbered.payout_amount') }}, case when numbered.payout_amount = 0 then 0 end
        ) as payout_amount_gbp
    from numbered
    left join plans on numbered.plan_version_key = plans.plan_version_key
    left join orders on numbered.order_id = orders.order_id
    {{ point_in_time_join('employees', 'employee_id', 'numbered', 'period_end_date') }}
    left join rates on {{ rate_at('numbered.currency_code', 'numbered.period_start_date') }}
    left join orders_of_plans
        on numbered.plan_id = orders_of_plans.plan_id
        and numbered.employee_id = orders_of_plans.employee_id
        and numbered.order_id = orders_of_plans.order_id

),

-- Plans whose payouts all belong to one company.
companies_of_plans as (

    select
        plan_id,
        min(named_tenant_id) as tenant_id
    from placed
    where named_tenant_id is not null
    group by plan_id
    having min(named_tenant_id) = max(named_tenant_id)

),

attributed as (

    select
        placed.*,
        tenants.tenant_id
    from placed
    left join companies_of_plans on placed.plan_id = companies_of_plans.plan_id
    -- The company that pays is the worker's. Of a worker who has not landed, or was erased, the order tells it, or
    -- else the plan: amounts that were paid stay where they were.
    left join tenants on coalesce(placed.named_tenant_id, companies_of_plans.tenant_id) = tenants.tenant_id

),

final as (

    {{ evaluate_rules('attributed') }}

)

select * from final
