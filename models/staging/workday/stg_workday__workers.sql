with source as (

    select * from {{ source('workday', 'workers') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['employee_id', 'effective_date']) }} as worker_version_key,
        employee_id,
        {{ blank_to_null('manager_id') }} as manager_id,
        cost_center as cost_center_id,
        {{ blank_to_null('worker_name') }} as worker_name,
        lower(worker_type) as worker_type,
        lower(worker_status) as worker_status,
        {{ blank_to_null('business_title') }} as business_title,
        {{ blank_to_null('job_profile') }} as job_profile,
        {{ blank_to_null('management_level') }} as management_level,
        company as company_id,
        {{ blank_to_null('location') }} as location_name,
        {{ blank_to_null('country') }} as country_code,
        {{ blank_to_null('pay_currency') }} as currency_code,
        fte_percent,
        annual_base_pay_amount,
        effective_date,
        hire_date,
        termination_date,
        date_of_birth,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    -- A tombstone is a rescinded change: it never held.
    where coalesce(_is_deleted, false) = false

)

select * from final
