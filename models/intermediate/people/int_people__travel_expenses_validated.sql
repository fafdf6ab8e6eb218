-- A table: the fact and the quarantine read it, and each rule is evaluated once.
{{ config(materialized='table') }}

with expenses as (

    select * from {{ ref('stg_workday__travel_expenses') }}

),

employees as (

    select * from {{ ref('dim_employee') }}

),

cost_centers as (

    select * from {{ ref('dim_cost_center') }}

),

tenants as (

    select * from {{ ref('tenants') }}

),

countries as (

    select * from {{ ref('countries') }}

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

placed as (

    select
        expenses.*,
        coalesce(employees.employee_key, {{ unknown_member_key() }}) as employee_key,
        coalesce(cost_centers.cost_center_key, {{ unknown_member_key() }}) as cost_center_key,
        tenants.tenant_id,
        countries.country_code as found_country_code,
        -- A receipt may carry the date of the journey home.
        coalesce(
            employees.worker_status = 'terminated'
            and {{ dbt.datediff('employees.termination_date', 'expenses.expense_date', 'day') }} > 30, false
        ) as is_long_after_employment,
        rates.gbp_per_unit,
        {{ as_of_date() }} as judged_on_date,
        -- Nothing is nothing in any currency: it needs no rate.
        coalesce(
            {{ in_gbp('expenses.expense_amount') }}, case when expenses.expense_amount = 0 then 0 end
        ) as amount_gbp_at_rate
    from expenses
    {{ point_in_time_join('employees', 'employee_id', 'expenses', 'expense_date') }}
    {{ point_in_time_join('cost_centers', 'cost_center_id', 'expenses', 'expense_date') }}
    -- A line may come without its company; the worker's pays it then.
    left join tenants on coalesce(expenses.company_id, employees.tenant_id) = tenants.tenant_id
    left join countries on expenses.destination_country_code = countries.country_code
    left join rates on {{ rate_at('expenses.currency_code', 'expenses.expense_date') }}

),

final as (

    {{ evaluate_rules('placed') }}

)

select * from final
