{{ config(materialized='view') }}

with versions as (

    select * from {{ ref('dim_product') }}

),

final as (

    select
        product_key,
        product_id,
        material_id,
        sku,
        product_name,
        product_category,
        currency_code,
        list_price_amount,
        unit_cost_amount,
        weight_kg,
        is_active,
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
