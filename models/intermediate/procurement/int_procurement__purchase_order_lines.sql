with orders as (

    select * from {{ ref('stg_sap__purchase_orders') }}

),

items as (

    select * from {{ ref('stg_sap__purchase_order_items') }}

),

schedules as (

    select * from {{ ref('int_procurement__schedules_by_line') }}

),

receipts as (

    select * from {{ ref('int_procurement__goods_receipts_by_line') }}

),

final as (

    select
        items.purchase_order_line_key,
        items.purchase_order_id,
        items.purchase_order_line_number,
        orders.supplier_id,
        items.material_id,
        items.plant_id,
        items.material_group_id,
        orders.company_code,
        orders.purchasing_organization_id,
        orders.purchasing_group_id,
        orders.purchase_order_type,
        items.line_description,
        items.currency_code,
        items.order_unit,
        items.order_quantity,
        items.net_price_amount,
        items.net_price_quantity,
        schedules.scheduled_quantity,
        schedules.scheduled_delivery_date,
        receipts.first_receipt_date,
        orders.purchase_order_date,
        items.is_delivery_completed,
        items.row_hash,
        items.source_ref,
        items.load_id,
        -- The price stands for net_price_quantity units: 12.50 for 100 pieces. Widened before multiplying, because
        -- DuckDB keeps the product of two decimal(13,3) in 18 digits and would overflow.
        cast(
            cast(items.order_quantity as decimal(19, 3)) * cast(items.net_price_amount as decimal(19, 3))
            / items.net_price_quantity as decimal(18, 4)
        ) as net_amount,
        cast(coalesce(receipts.received_quantity, 0) as decimal(18, 3)) as received_quantity,
        coalesce(receipts.receipt_count, 0) as receipt_count,
        -- Received and sent back is not received.
        case when receipts.received_quantity > 0 then receipts.last_receipt_date end as last_receipt_date,
        orders.is_deleted or items.is_deleted as is_deleted,
        -- coalesce, because greatest() of a null is null in Snowflake and ignored in DuckDB.
        greatest(
            orders.landed_at,
            items.landed_at,
            coalesce(schedules.landed_at, items.landed_at),
            coalesce(receipts.landed_at, items.landed_at)
        ) as landed_at
    from items
    inner join orders on items.purchase_order_id = orders.purchase_order_id
    left join schedules on items.purchase_order_line_key = schedules.purchase_order_line_key
    left join receipts on items.purchase_order_line_key = receipts.purchase_order_line_key

)

select * from final
