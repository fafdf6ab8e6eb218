-- A plain table, built anew: a change that Workday dates back, or rescinds, restates every month it touches.
with worker_months as (

    select * from {{ ref('int_people__worker_months') }}

),

cost_centers as (

    select * from {{ ref('dim_cost_center') }}

),

final as (

    select
        worker_months.worker_month_key,
        worker_months.employee_key,
        coalesce(cost_centers.cost_center_key, {{ unknown_member_key() }}) as cost_center_key,
        worker_months.tenant_id,
        worker_months.employee_id,
        worker_months.cost_center_id,
        worker_months.previous_cost_center_id,
        worker_months.job_profile,
        worker_months.worker_type,
        worker_months.worker_status,
        worker_months.country_code,
        worker_months.fte,
        worker_months.active_fte,
        cast(
            {{ dbt.datediff('worker_months.hire_date', 'worker_months.month_end_date', 'day') }} as integer
        ) as tenure_days,
        worker_months.is_employed,
        worker_months.is_active,
        -- Against the end of the month before, so that headcount = last month's + joiners - leavers. Who came and went
        -- within the month is both.
        not worker_months.was_employed as is_joiner,
        not worker_months.is_employed as is_leaver,
        worker_months.is_mover,
        worker_months.month_start_date,
        worker_months.month_end_date,
        worker_months.hire_date,
        worker_months.termination_date,
        worker_months.row_hash,
        worker_months.source_ref,
        worker_months.load_id,
        worker_months.landed_at
    from worker_months
    {{ point_in_time_join('cost_centers', 'cost_center_id', 'worker_months', 'month_end_date') }}

)

select * from final
