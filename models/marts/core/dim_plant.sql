with plants as (

    select * from {{ ref('stg_sap__plants') }}

),

countries as (

    select * from {{ ref('countries') }}

),

referenced as (

    select * from {{ ref('int_core__plant_references') }}

),

members as (

    select
        plant_id,
        plant_name,
        false as is_inferred
    from plants
    union all
    select
        referenced.plant_id,
        'Plant that has not landed' as plant_name,
        true as is_inferred
    from referenced
    left join plants on referenced.plant_id = plants.plant_id
    where plants.plant_id is null
    union all
    select
        'unknown' as plant_id,
        'Unknown plant' as plant_name,
        false as is_inferred

),

final as (

    select
        case
            when members.plant_id = 'unknown' then {{ unknown_member_key() }}
            else {{ dbt_utils.generate_surrogate_key(['members.plant_id']) }}
        end as plant_key,
        members.plant_id,
        members.plant_name,
        plants.country_code,
        countries.country_name,
        countries.un_region,
        plants.region_name,
        plants.city_name,
        coalesce(plants.is_marked_for_archiving, false) as is_marked_for_archiving,
        coalesce(plants.is_deleted, false) as is_deleted,
        members.is_inferred,
        plants.row_hash,
        plants.source_ref,
        plants.load_id,
        plants.landed_at
    from members
    left join plants on members.plant_id = plants.plant_id
    left join countries on plants.country_code = countries.country_code

)

select * from final
