with source as (

    select * from {{ source('atom', 'products') }}

),

final as (

    select
        product_id,
        {{ blank_to_null('material_id') }} as material_id,
        sku,
        product_name,
        category as product_category,
        currency as currency_code,
        list_price as list_price_amount,
        unit_cost as unit_cost_amount,
        weight_kg,
        is_active,
        {{ utc_timestamp('created_at') }} as created_at,
        {{ utc_timestamp('updated_at') }} as updated_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
