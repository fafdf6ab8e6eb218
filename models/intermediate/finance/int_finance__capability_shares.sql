with mapping as (

    select * from {{ ref('stg_capacity_plan__capability_mapping') }}

),

months as (

    select * from {{ ref('int_finance__capacity_months') }}

),

final as (

    select
        months.month_start_date,
        upper(trim(mapping.cost_center_id)) as cost_center_id,
        lower(trim(mapping.job_profile)) as job_profile_code,
        lower(trim(mapping.capability_name)) as capability_code,
        max(trim(mapping.capability_name)) as capability_name,
        -- A line that stands twice counts twice; the shares then do not add up to 100, which the report tells.
        cast(sum(mapping.share_percent) as decimal(20, 4)) as share_percent,
        mapping.source_file,
        min(mapping.source_ref) as source_ref
    from months
    inner join mapping on months.mapping_source_file = mapping.source_file
    group by
        months.month_start_date, upper(trim(mapping.cost_center_id)), lower(trim(mapping.job_profile)),
        lower(trim(mapping.capability_name)), mapping.source_file

)

select * from final
