with history as (

    {{ scd2_history(ref('snap_atom__products'), 'product_id') }}

),

referenced as (

    select * from {{ ref('int_core__product_references') }}

),

members as (

    -- Atom's numbers are numbers and start at 1.
    {{ scd2_members('product_id', unknown_id='cast(-1 as bigint)') }}

),

final as (

    select
        members.member_key as product_key,
        members.product_id,
        history.material_id,
        members.version_number,
        history.sku,
        case
            when members.is_unknown then 'Unknown product'
            when members.is_inferred then 'Product that has not landed'
            else history.product_name
        end as product_name,
        history.product_category,
        history.currency_code,
        history.list_price_amount,
        history.unit_cost_amount,
        history.weight_kg,
        coalesce(history.is_active, false) as is_active,
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

)

select * from final
