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

tenants as (

    select * from {{ ref('tenants') }}

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

-- Keeps a line whose order has not landed; what the order says is empty then.
valued as (

    select
        items.*,
        orders.purchase_order_id is not null as has_order,
        orders.supplier_id,
        orders.company_code,
        orders.purchasing_organization_id,
        orders.purchasing_group_id,
        orders.purchase_order_type,
        orders.currency_code as order_currency_code,
        orders.purchase_order_date,
        coalesce(orders.is_deleted, false) or items.is_deleted as is_deleted_with_order,
        coalesce(orders.landed_at, items.landed_at) as order_landed_at,
        -- The price stands for net_price_quantity units: 12.50 for 100 pieces. Widened before multiplying, because
        -- DuckDB keeps the product of two decimal(13,3) in 18 digits and would overflow.
        cast(
            cast(items.order_quantity as decimal(19, 3)) * cast(items.net_price_amount as decimal(19, 3))
            / items.net_price_quantity as decimal(18, 4)
        ) as net_amount
    from items
    left join orders on items.purchase_order_id = orders.purchase_order_id

),

final as (

    select
        valued.purchase_order_line_key,
        valued.purchase_order_id,
        valued.purchase_order_line_number,
        valued.supplier_id,
        valued.material_id,
        valued.plant_id,
        -- A company code that is no tenant leaves this empty: an extract without company codes is still an extract.
        tenants.tenant_id,
        valued.material_group_id,
        valued.company_code,
        valued.purchasing_organization_id,
        valued.purchasing_group_id,
        valued.purchase_order_type,
        valued.line_description,
        valued.currency_code,
        valued.order_currency_code,
        valued.order_unit,
        valued.price_unit,
        valued.order_quantity,
        valued.net_price_amount,
        valued.net_price_quantity,
        valued.net_amount,
        {{ in_gbp('valued.net_amount') }} as net_amount_gbp,
        valued.overdelivery_tolerance_percent,
        schedules.scheduled_quantity,
        cast(coalesce(receipts.received_quantity, 0) as decimal(18, 3)) as received_quantity,
        coalesce(receipts.receipt_count, 0) as receipt_count,
        valued.has_order,
        valued.is_delivery_completed,
        valued.is_deleted_with_order as is_deleted,
        valued.purchase_order_date,
        schedules.scheduled_delivery_date,
        receipts.first_receipt_date,
        -- Received and sent back is not received.
        case when receipts.received_quantity > 0 then receipts.last_receipt_date end as last_receipt_date,
        {{ as_of_date() }} as as_of_date,
        valued.row_hash,
        valued.source_ref,
        valued.load_id,
        -- coalesce, because greatest() of a null is null in Snowflake and ignored in DuckDB.
        greatest(
            valued.order_landed_at,
            valued.landed_at,
            coalesce(schedules.landed_at, valued.landed_at),
            coalesce(receipts.landed_at, valued.landed_at)
        ) as landed_at
    from valued
    left join schedules on valued.purchase_order_line_key = schedules.purchase_order_line_key
    left join receipts on valued.purchase_order_line_key = receipts.purchase_order_line_key
    left join tenants on valued.company_code = tenants.tenant_id
    left join rates on {{ rate_at('valued.currency_code', 'valued.purchase_order_date') }}

)

select * from final
