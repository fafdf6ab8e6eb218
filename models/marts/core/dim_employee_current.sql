{{ config(materialized='view') }}

with versions as (

    select * from {{ ref('dim_employee') }}

),

final as (

    select
        employee_key,
        employee_id,
        manager_id,
        cost_center_id,
        tenant_id,
        worker_type,
        worker_status,
        business_title,
        job_profile,
        management_level,
        location_name,
        country_code,
        country_name,
        fte_percent,
        hire_date,
        termination_date,
        effective_date,
        is_deleted,
        is_inferred,
        valid_from,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from versions
    where is_current

)

select * from final
