with source as (

    select * from {{ source('atom', 'order_lines') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['order_id', 'line_number']) }} as order_line_key,
        order_id,
        line_number as order_line_number,
        product_id,
        quantity as ordered_quantity,
        unit_price as unit_price_amount,
        discount_amount,
        tax_amount,
        cast(
            {{ amount_product('unit_price', 'quantity', digits=[6, 4], other_digits=[5, 3]) }} - discount_amount
            as decimal(18, 4)
        ) as net_amount,
        -- A line deleted in Atom stays as a flag: models that are built incrementally have to see it go.
        coalesce(_is_deleted, false) as is_deleted,
        {{ utc_timestamp('updated_at') }} as updated_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source

)

select * from final
