with history as (

    {{ scd2_history(ref('snap_sap__suppliers'), 'supplier_id') }}

),

referenced as (

    select * from {{ ref('int_core__supplier_references') }}

),

countries as (

    select * from {{ ref('countries') }}

),

members as (

    {{ scd2_members('supplier_id') }}

),

final as (

    select
        members.member_key as supplier_key,
        members.supplier_id,
        members.version_number,
        case
            when members.is_unknown then 'Unknown supplier'
            when members.is_inferred then 'Supplier that has not landed'
            else history.supplier_name
        end as supplier_name,
        history.country_code,
        countries.country_name,
        countries.un_region,
        countries.un_sub_region,
        history.region_name,
        history.city_name,
        countries.is_eu_member,
        coalesce(history.is_blocked, false) as is_blocked,
        coalesce(history.is_marked_for_archiving, false) as is_marked_for_archiving,
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
