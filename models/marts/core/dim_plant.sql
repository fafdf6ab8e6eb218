with plants as (

    select * from {{ ref('stg_sap__plants') }}

),

countries as (

    select * from {{ ref('countries') }}

),

known as (

    select
        {{ dbt_utils.generate_surrogate_key(['plants.plant_id']) }} as plant_key,
        plants.plant_id,
        plants.plant_name,
        plants.country_code,
        countries.country_name,
        countries.un_region,
        plants.region_name,
        plants.city_name,
        plants.is_marked_for_archiving,
        plants.is_deleted,
        plants.row_hash,
        plants.source_ref,
        plants.load_id,
        plants.landed_at
    from plants
    left join countries on plants.country_code = countries.country_code

),

unknown as (

    select
        {{ unknown_member_key() }} as plant_key,
        'unknown' as plant_id,
        'Unknown plant' as plant_name,
        null as country_code,
        null as country_name,
        null as un_region,
        null as region_name,
        null as city_name,
        false as is_marked_for_archiving,
        false as is_deleted,
        null as row_hash,
        null as source_ref,
        null as load_id,
        cast(null as {{ dbt.type_timestamp() }}) as landed_at

),

final as (

    select * from known
    union all
    select * from unknown

)

select * from final
