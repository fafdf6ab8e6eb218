with lines as (

    select * from {{ ref('int_sales__order_lines_validated') }}

),

final as (

    select
        order_line_key as quarantine_key,
        'order_lines' as entity_name,
        'order ' || cast(order_id as {{ dbt.type_string() }})
        || ', line ' || cast(order_line_number as {{ dbt.type_string() }}) as record_key,
        reason_codes,
        warning_codes,
        severity,
        order_line_key,
        order_id,
        order_line_number,
        customer_id,
        product_id,
        tenant_id,
        order_status,
        currency_code,
        ordered_quantity,
        unit_price_amount,
        list_price_amount_gbp,
        discount_amount,
        tax_amount,
        net_amount,
        ordered_at,
        shipped_at,
        delivered_at,
        validated_at,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from lines
    where reason_codes is not null

)

select * from final
