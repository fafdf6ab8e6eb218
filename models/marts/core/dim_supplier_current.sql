{{ config(materialized='view') }}

with versions as (

    select * from {{ ref('dim_supplier') }}

),

final as (

    select
        supplier_key,
        supplier_id,
        supplier_name,
        country_code,
        country_name,
        un_region,
        un_sub_region,
        region_name,
        city_name,
        is_eu_member,
        is_blocked,
        is_marked_for_archiving,
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
