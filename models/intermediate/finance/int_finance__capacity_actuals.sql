-- A table: the fact, the report of what is unmapped and their tests read it.
{{ config(materialized='table') }}

with worker_months as (

    select * from {{ ref('int_people__worker_months') }}

),

shares as (

    select * from {{ ref('int_finance__capability_shares') }}

),

months as (

    select * from {{ ref('int_finance__capacity_months') }}

),

staff as (

    select
        month_start_date,
        month_end_date,
        upper(trim(cost_center_id)) as cost_center_id,
        lower(trim(job_profile)) as job_profile_code,
        max(job_profile) as job_profile,
        cast(sum(active_fte) as decimal(20, 4)) as active_fte,
        max(landed_at) as landed_at
    from worker_months
    where active_fte <> 0
    group by month_start_date, month_end_date, upper(trim(cost_center_id)), lower(trim(job_profile))

),

-- Ten digits hold a part-time percentage times a share percentage without rounding, so that mapped and unmapped add up
-- to the last digit.
mapped as (

    select
        staff.month_start_date,
        staff.month_end_date,
        staff.cost_center_id,
        staff.job_profile_code,
        staff.job_profile,
        shares.capability_code,
        shares.capability_name,
        shares.share_percent,
        cast(staff.active_fte * shares.share_percent * 0.01 as decimal(28, 10)) as fte,
        staff.landed_at
    from staff
    inner join shares
        on staff.month_start_date = shares.month_start_date
        and staff.cost_center_id = shares.cost_center_id
        and staff.job_profile_code = shares.job_profile_code

),

mapped_by_profile as (

    select
        month_start_date,
        cost_center_id,
        job_profile_code,
        sum(share_percent) as share_percent,
        sum(fte) as fte
    from mapped
    group by month_start_date, cost_center_id, job_profile_code

),

-- What no capability takes; below zero where the shares of a profile add up to more than 100 percent.
unmapped as (

    select
        staff.month_start_date,
        staff.month_end_date,
        staff.cost_center_id,
        staff.job_profile_code,
        staff.job_profile,
        cast(null as varchar) as capability_code,
        cast(null as varchar) as capability_name,
        cast(coalesce(mapped_by_profile.share_percent, 0) as decimal(20, 4)) as share_percent,
        cast(staff.active_fte - coalesce(mapped_by_profile.fte, 0) as decimal(28, 10)) as fte,
        staff.landed_at
    from staff
    left join mapped_by_profile
        on staff.month_start_date = mapped_by_profile.month_start_date
        and staff.cost_center_id = mapped_by_profile.cost_center_id
        and staff.job_profile_code = mapped_by_profile.job_profile_code
    where staff.active_fte <> coalesce(mapped_by_profile.fte, 0)

),

united as (

    select * from mapped
    union all
    select * from unmapped

),

final as (

    select
        united.*,
        months.mapping_source_file
    from united
    left join months on united.month_start_date = months.month_start_date

)

select * from final
