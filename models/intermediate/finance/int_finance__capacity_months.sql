with plan as (

    select * from {{ ref('stg_capacity_plan__planned_headcount') }}

),

mapping as (

    select * from {{ ref('stg_capacity_plan__capability_mapping') }}

),

calendar as (

    select * from {{ ref('dim_date') }}

),

-- Workbooks in the order in which they replace each other: by the first month they plan, and a second one for the same
-- months by when it landed. The name decides only between two that landed together.
workbooks as (

    select
        source_file,
        min(plan_month_date) as first_month_date,
        row_number() over (order by min(plan_month_date), max(landed_at), source_file) as workbook_number
    from plan
    group by source_file

),

files_with_mapping as (

    select distinct source_file from mapping

),

workbooks_with_mapping as (

    select
        workbooks.*,
        row_number() over (order by workbooks.workbook_number) as mapping_number
    from workbooks
    inner join files_with_mapping on workbooks.source_file = files_with_mapping.source_file

),

months as (

    select month_start_date from calendar
    union
    select plan_month_date as month_start_date from plan

),

-- The last workbook that has the month holds for all of it: a line that it no longer has is no longer planned.
plan_of_month as (

    select
        plan.plan_month_date as month_start_date,
        workbooks.source_file
    from plan
    inner join workbooks on plan.source_file = workbooks.source_file
    qualify row_number() over (partition by plan.plan_month_date order by workbooks.workbook_number desc) = 1

),

-- The mapping of the last workbook that starts by the month; before the first of them, that of the first.
mapping_of_month as (

    select
        months.month_start_date,
        workbooks_with_mapping.source_file
    from months
    inner join workbooks_with_mapping
        on months.month_start_date >= workbooks_with_mapping.first_month_date
        or workbooks_with_mapping.mapping_number = 1
    qualify row_number() over (
            partition by months.month_start_date order by workbooks_with_mapping.workbook_number desc
        ) = 1

),

final as (

    select
        months.month_start_date,
        plan_of_month.source_file as plan_source_file,
        mapping_of_month.source_file as mapping_source_file
    from months
    left join plan_of_month on months.month_start_date = plan_of_month.month_start_date
    left join mapping_of_month on months.month_start_date = mapping_of_month.month_start_date

)

select * from final
