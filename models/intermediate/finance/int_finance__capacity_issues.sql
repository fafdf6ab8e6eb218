with plan_lines as (

    select * from {{ ref('int_finance__capacity_plan_lines') }}

),

actuals as (

    select * from {{ ref('int_finance__capacity_actuals') }}
    where capability_code is null

),

shares as (

    select * from {{ ref('int_finance__capability_shares') }}

),

known_cost_centers as (

    select distinct cost_center_id from {{ ref('dim_cost_center') }}
    where not is_inferred

),

known_capabilities as (

    select distinct
        month_start_date,
        capability_code
    from shares

),

mapped_in_cost_centers as (

    select distinct
        month_start_date,
        cost_center_id,
        capability_code
    from shares

),

plan_issues as (

    select
        case
            when plan_lines.reason_codes is not null then 'PLAN_CELL_UNREADABLE'
            when known_cost_centers.cost_center_id is null then 'PLAN_COST_CENTER_UNKNOWN'
            when known_capabilities.capability_code is null then 'PLAN_CAPABILITY_UNKNOWN'
            when mapped_in_cost_centers.capability_code is null then 'PLAN_CAPABILITY_NOT_MAPPED'
            when plan_lines.cell_count > 1 then 'PLAN_LINE_TWICE'
        end as issue_code,
        plan_lines.cost_center_id,
        plan_lines.capability_name,
        cast(null as varchar) as job_profile,
        plan_lines.source_file,
        plan_lines.source_ref,
        cast(null as decimal(20, 4)) as share_percent,
        plan_lines.planned_fte,
        cast(0 as decimal(28, 10)) as unmapped_fte,
        plan_lines.month_start_date
    from plan_lines
    left join known_cost_centers on plan_lines.cost_center_id = known_cost_centers.cost_center_id
    left join known_capabilities
        on plan_lines.month_start_date = known_capabilities.month_start_date
        and plan_lines.capability_code = known_capabilities.capability_code
    left join mapped_in_cost_centers
        on plan_lines.month_start_date = mapped_in_cost_centers.month_start_date
        and plan_lines.cost_center_id = mapped_in_cost_centers.cost_center_id
        and plan_lines.capability_code = mapped_in_cost_centers.capability_code

),

cells as (

    select
        month_start_date,
        cost_center_id,
        job_profile_code,
        min(source_ref) as source_ref
    from shares
    group by month_start_date, cost_center_id, job_profile_code

),

worker_issues as (

    select
        case
            when actuals.share_percent = 0 then 'JOB_PROFILE_NOT_MAPPED'
            when actuals.share_percent < 100 then 'SHARES_BELOW_100'
            else 'SHARES_ABOVE_100'
        end as issue_code,
        actuals.cost_center_id,
        cast(null as varchar) as capability_name,
        coalesce(actuals.job_profile, 'no job profile') as job_profile,
        coalesce(actuals.mapping_source_file, 'no workbook') as source_file,
        cells.source_ref,
        actuals.share_percent,
        cast(null as decimal(18, 2)) as planned_fte,
        actuals.fte as unmapped_fte,
        actuals.month_start_date
    from actuals
    left join cells
        on actuals.month_start_date = cells.month_start_date
        and actuals.cost_center_id = cells.cost_center_id
        and actuals.job_profile_code = cells.job_profile_code

),

final as (

    select * from plan_issues
    where issue_code is not null
    union all
    select * from worker_issues

)

select * from final
