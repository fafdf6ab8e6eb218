{{ config(materialized='view') }}

with versions as (

    select * from {{ ref('dim_material') }}

),

final as (

    select
        material_key,
        material_id,
        material_name,
        material_type,
        material_group_id,
        base_unit,
        weight_unit,
        gross_weight,
        net_weight,
        is_marked_for_deletion,
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
