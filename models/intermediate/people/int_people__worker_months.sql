-- A table: headcount and capacity both read it, and the join of workers and months is the costly part.
{{ config(materialized='table') }}

with workers as (

    select * from {{ ref('dim_employee') }}
    where not is_inferred and employee_id <> 'unknown'

),

calendar as (

    select * from {{ ref('dim_date') }}

),

-- Only months that have ended: what is known of a month to come is a forecast, not headcount.
months as (

    select
        month_start_date,
        date_day as month_end_date,
        cast({{ dbt.dateadd('day', -1, 'month_start_date') }} as date) as previous_month_end_date
    from calendar
    where date_day = cast({{ dbt.last_day('date_day', 'month') }} as date) and date_day <= {{ as_of_date() }}

),

states as (

    select
        workers.*,
        -- The first version reaches back to 1900 in the dimension; employment began on the hire date.
        case
            when workers.version_number > 1 then cast(workers.valid_from as date)
            when workers.hire_date < workers.effective_date then workers.hire_date
            else workers.effective_date
        end as valid_from_date,
        cast(workers.valid_to as date) as valid_to_date,
        workers.worker_status <> 'terminated' as is_employed,
        max(case when workers.worker_status = 'terminated' then 1 else 0 end)
            over (partition by workers.employee_id)
        = 1 as has_left
    from workers

),

-- Every state that held at the end of the month before, at the end of the month, or between them.
states_of_months as (

    select
        months.month_start_date,
        months.month_end_date,
        states.*,
        states.valid_from_date <= months.previous_month_end_date
        and states.valid_to_date > months.previous_month_end_date as held_at_opening,
        states.valid_to_date > months.month_end_date as holds_at_closing
    from months
    inner join states
        on months.month_end_date >= states.valid_from_date
        and months.previous_month_end_date < states.valid_to_date
    -- Who vanished from Workday's report after leaving was a worker; who vanished without was never hired.
    where not states.is_deleted or states.has_left

),

-- Whoever was employed for a day of that time has a row, also one who came and went within the month.
employed as (

    select distinct
        month_start_date,
        employee_id
    from states_of_months
    where is_employed

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['closing.employee_id', 'closing.month_end_date']) }} as worker_month_key,
        closing.employee_key,
        closing.employee_id,
        closing.cost_center_id,
        opening.cost_center_id as previous_cost_center_id,
        closing.tenant_id,
        closing.job_profile,
        closing.worker_type,
        closing.worker_status,
        closing.country_code,
        cast(case when closing.is_employed then closing.fte_percent * 0.01 else 0 end as decimal(18, 4)) as fte,
        cast(case when closing.worker_status = 'active' then closing.fte_percent * 0.01 else 0 end as decimal(18, 4))
            as active_fte,
        closing.is_employed,
        closing.worker_status = 'active' as is_active,
        coalesce(opening.is_employed, false) as was_employed,
        closing.is_employed and coalesce(opening.is_employed, false)
        and (closing.cost_center_id <> opening.cost_center_id or closing.tenant_id <> opening.tenant_id) as is_mover,
        closing.month_start_date,
        closing.month_end_date,
        closing.hire_date,
        closing.termination_date,
        closing.row_hash,
        closing.source_ref,
        closing.load_id,
        closing.landed_at
    from states_of_months as closing
    inner join employed
        on closing.month_start_date = employed.month_start_date and closing.employee_id = employed.employee_id
    left join states_of_months as opening
        on closing.month_start_date = opening.month_start_date
        and closing.employee_id = opening.employee_id
        and opening.held_at_opening
    where closing.holds_at_closing

)

select * from final
