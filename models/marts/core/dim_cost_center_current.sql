{{ config(materialized='view') }}

with versions as (

    select * from {{ ref('dim_cost_center') }}

),

final as (

    select
        cost_center_key,
        cost_center_id,
        tenant_id,
        manager_id,
        country_code,
        country_name,
        has_workers,
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
