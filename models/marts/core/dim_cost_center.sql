with history as (

    {{ scd2_history(ref('snap_workday__cost_centers'), 'cost_center_id') }}

),

referenced as (

    select * from {{ ref('int_core__cost_center_references') }}

),

countries as (

    select * from {{ ref('countries') }}

),

members as (

    {{ scd2_members('cost_center_id') }}

),

final as (

    select
        members.member_key as cost_center_key,
        members.cost_center_id,
        -- Workday names the companies of the group by the same codes.
        history.company_id as tenant_id,
        history.manager_id,
        members.version_number,
        history.country_code,
        countries.country_name,
        coalesce(history.has_workers, false) as has_workers,
        members.is_deleted,
        members.is_inferred,
        members.is_current,
        members.valid_from,
        members.valid_to,
        history.row_hash,
        history.source_ref,
        history.load_id,
        history.landed_at
    from members
    left join history on members.dbt_scd_id = history.dbt_scd_id
    left join countries on history.country_code = countries.country_code

)

select * from final
