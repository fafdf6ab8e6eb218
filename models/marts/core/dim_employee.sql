with corrections as (

    {{ scd2_history(ref('snap_workday__workers'), 'worker_version_key') }}

),

-- What is known now about each dated entry; is_deleted says that it was rescinded.
entries as (

    select * from corrections
    where is_current

),

entries_of_worker as (

    select
        entries.*,
        min(case when entries.is_deleted then 1 else 0 end) over (partition by entries.employee_id) = 1 as is_gone,
        rank() over (partition by entries.employee_id order by entries.valid_from desc) as removal_place
    from entries

),

-- A rescinded entry never held. A worker without any entry left the report as a whole: what stood last stays.
standing as (

    select
        dbt_scd_id,
        employee_id,
        effective_date,
        is_gone,
        cast(row_number() over (partition by employee_id order by effective_date) as integer) as version_number,
        cast(lead(effective_date) over (partition by employee_id order by effective_date) as {{ dbt.type_timestamp() }})
            as next_from
    from entries_of_worker
    where not is_deleted or (is_gone and removal_place = 1)

),

-- Named by their date instead of their number: an entry that comes in between, or goes, leaves the other keys alone.
history as (

    select
        dbt_scd_id,
        employee_id,
        version_number,
        case when version_number = 1 then '1' else cast(effective_date as {{ dbt.type_string() }}) end as version_name,
        case
            when version_number = 1 then {{ history_start() }}
            else cast(effective_date as {{ dbt.type_timestamp() }})
        end as valid_from,
        coalesce(next_from, {{ history_end() }}) as valid_to,
        -- Entries of the future have landed too, so the last one is not always the one that holds.
        (version_number = 1 or effective_date <= {{ as_of_date() }})
        and coalesce(next_from, {{ history_end() }}) > {{ as_of_date() }} as is_current,
        is_gone as is_deleted
    from standing

),

referenced as (

    select * from {{ ref('int_core__employee_references') }}

),

countries as (

    select * from {{ ref('countries') }}

),

members as (

    {{ scd2_members('employee_id', version='version_name') }}

),

final as (

    select
        members.member_key as employee_key,
        members.employee_id,
        entries.manager_id,
        entries.cost_center_id,
        -- Workday names the companies of the group by the same codes.
        entries.company_id as tenant_id,
        members.version_number,
        entries.worker_type,
        entries.worker_status,
        entries.business_title,
        entries.job_profile,
        entries.management_level,
        entries.location_name,
        entries.country_code,
        countries.country_name,
        entries.fte_percent,
        entries.hire_date,
        entries.termination_date,
        entries.effective_date,
        members.is_deleted,
        members.is_inferred,
        members.is_current,
        members.valid_from,
        members.valid_to,
        entries.row_hash,
        entries.source_ref,
        entries.load_id,
        entries.landed_at
    from members
    left join entries on members.dbt_scd_id = entries.dbt_scd_id
    left join countries on entries.country_code = countries.country_code

)

select * from final
