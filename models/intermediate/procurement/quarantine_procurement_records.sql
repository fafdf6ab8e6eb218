with orders as (

    select * from {{ ref('stg_sap__purchase_orders') }}

),

items as (

    select * from {{ ref('stg_sap__purchase_order_items') }}

),

schedule_lines as (

    select * from {{ ref('stg_sap__purchase_order_schedule_lines') }}

),

goods_receipts as (

    select * from {{ ref('stg_sap__goods_receipts') }}

),

items_without_order as (

    select
        'purchase_order_items' as dataset_name,
        'ITEM_WITHOUT_ORDER' as reason_code,
        items.purchase_order_id || '/' || items.purchase_order_line_number as record_key,
        items.row_hash,
        items.source_ref,
        items.load_id,
        items.landed_at
    from items
    left join orders on items.purchase_order_id = orders.purchase_order_id
    where orders.purchase_order_id is null

),

schedule_lines_without_item as (

    select
        'purchase_order_schedule_lines' as dataset_name,
        'SCHEDULE_LINE_WITHOUT_ITEM' as reason_code,
        schedule_lines.purchase_order_id || '/' || schedule_lines.purchase_order_line_number
        || '/' || schedule_lines.schedule_line_number as record_key,
        schedule_lines.row_hash,
        schedule_lines.source_ref,
        schedule_lines.load_id,
        schedule_lines.landed_at
    from schedule_lines
    left join items on schedule_lines.purchase_order_line_key = items.purchase_order_line_key
    where items.purchase_order_line_key is null

),

receipts_without_item as (

    select
        'goods_receipts' as dataset_name,
        'RECEIPT_WITHOUT_ITEM' as reason_code,
        goods_receipts.material_document_year || '/' || goods_receipts.material_document_id
        || '/' || goods_receipts.material_document_line_number as record_key,
        goods_receipts.row_hash,
        goods_receipts.source_ref,
        goods_receipts.load_id,
        goods_receipts.landed_at
    from goods_receipts
    left join items on goods_receipts.purchase_order_line_key = items.purchase_order_line_key
    -- A movement without an order number is a stock movement, not an orphan.
    where goods_receipts.purchase_order_id is not null and items.purchase_order_line_key is null

),

final as (

    select * from items_without_order
    union all
    select * from schedule_lines_without_item
    union all
    select * from receipts_without_item

)

select * from final
