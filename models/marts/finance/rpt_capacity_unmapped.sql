with issues as (

    select * from {{ ref('int_finance__capacity_issues') }}

),

-- Workbooks that this month or a later one follows. What is wrong in an older one explains old months; nobody mends it.
workbooks_in_force as (

    select plan_source_file as source_file from {{ ref('int_finance__capacity_months') }}
    where month_start_date >= {{ dbt.date_trunc('month', as_of_date()) }}
    union
    select mapping_source_file as source_file from {{ ref('int_finance__capacity_months') }}
    where month_start_date >= {{ dbt.date_trunc('month', as_of_date()) }}

),

numbered as (

    select
        issues.*,
        row_number() over (
            partition by
                issues.issue_code, issues.cost_center_id, issues.capability_name, issues.job_profile, issues.source_file
            order by issues.month_start_date
        ) as month_place
    from issues

),

summed as (

    select
        issue_code,
        cost_center_id,
        capability_name,
        job_profile,
        source_file,
        -- The first cell of the line; those of the later months stand to the right of it.
        max(case when month_place = 1 then source_ref end) as source_ref,
        min(share_percent) as share_percent,
        min(month_start_date) as first_month_date,
        max(month_start_date) as last_month_date,
        cast(count(*) as integer) as month_count,
        cast(coalesce(sum(planned_fte), 0) as decimal(18, 2)) as planned_fte_months,
        cast(sum(unmapped_fte) as decimal(28, 10)) as unmapped_fte_months
    from numbered
    group by issue_code, cost_center_id, capability_name, job_profile, source_file

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key([
            'summed.issue_code', 'summed.cost_center_id', 'summed.capability_name', 'summed.job_profile',
            'summed.source_file'
        ]) }} as capacity_issue_key,
        summed.issue_code,
        summed.cost_center_id,
        summed.capability_name,
        summed.job_profile,
        summed.source_file,
        split_part(summed.source_ref, '!', 2) as sheet_name,
        split_part(summed.source_ref, '!', 3) as cell_name,
        case summed.issue_code
            when 'PLAN_CELL_UNREADABLE' then 'The cell holds no headcount, so the month has no plan here.'
            when 'PLAN_COST_CENTER_UNKNOWN' then 'No worker has ever belonged to this cost centre.'
            when 'PLAN_CAPABILITY_UNKNOWN' then 'No line of the mapping sheet has this capability.'
            when 'PLAN_CAPABILITY_NOT_MAPPED'
                then 'The capability is planned here, but no job profile of the cost centre counts for it.'
            when 'PLAN_LINE_TWICE' then 'The cost centre and capability stand in several lines, which are added up.'
            when 'JOB_PROFILE_NOT_MAPPED' then 'Workers have this job profile, but the mapping sheet does not.'
            when 'SHARES_BELOW_100' then 'The shares of the job profile leave a part of its workers to no capability.'
            when 'SHARES_ABOVE_100' then 'The shares of the job profile count its workers more than once.'
        end as what_is_wrong,
        case summed.issue_code
            when 'PLAN_CELL_UNREADABLE' then 'Write a number of 0 or more into the cell, or empty it.'
            when 'PLAN_COST_CENTER_UNKNOWN'
                then 'Correct the code in the plan sheet, or open the cost centre in Workday.'
            when 'PLAN_CAPABILITY_UNKNOWN' then 'Correct the name in the plan sheet, or map job profiles to it.'
            when 'PLAN_CAPABILITY_NOT_MAPPED'
                then 'Add the share of a job profile for it to the mapping sheet, or plan it elsewhere.'
            when 'PLAN_LINE_TWICE' then 'Join the lines in the plan sheet, unless the sum is what you mean.'
            when 'JOB_PROFILE_NOT_MAPPED' then 'Add a line for the job profile to the mapping sheet.'
            when 'SHARES_BELOW_100' then 'Raise the shares in the mapping sheet to 100, or add a line for the rest.'
            when 'SHARES_ABOVE_100'
                then 'Lower the shares in the mapping sheet to 100, or take out the line that stands twice.'
        end as remedy,
        summed.share_percent,
        summed.month_count,
        summed.planned_fte_months,
        summed.unmapped_fte_months,
        -- Workers whom no workbook maps wait for one.
        workbooks_in_force.source_file is not null or summed.source_file = 'no workbook' as is_in_force,
        summed.first_month_date,
        summed.last_month_date,
        summed.source_ref
    from summed
    left join workbooks_in_force on summed.source_file = workbooks_in_force.source_file

)

select * from final
