-- A table, so that each rule is evaluated once a row and not by each reader.
{{ config(materialized='table') }}

with goods_receipts as (

    select * from {{ ref('stg_sap__goods_receipts') }}

),

items as (

    select * from {{ ref('stg_sap__purchase_order_items') }}

),

orders as (

    select * from {{ ref('stg_sap__purchase_orders') }}

),

-- A reversal names the document it takes back.
movements as (

    select
        goods_receipts.*,
        goods_receipts.goods_movement_type = '102' and goods_receipts.reversed_material_document_id is not null
            as is_reversal,
        case
            when goods_receipts.goods_movement_type = '102' and goods_receipts.reversed_material_document_id is not null
                then sum(goods_receipts.moved_quantity) over (
                        partition by
                            goods_receipts.goods_movement_type,
                            goods_receipts.reversed_material_document_year,
                            goods_receipts.reversed_material_document_id,
                            goods_receipts.reversed_material_document_line_number
                    )
        end as reversed_in_all_quantity
    from goods_receipts

),

placed as (

    select
        {{ dbt_utils.generate_surrogate_key([
            'movements.material_document_year',
            'movements.material_document_id',
            'movements.material_document_line_number',
        ]) }} as goods_receipt_key,
        movements.*,
        reversed.moved_quantity as reversed_receipt_quantity,
        items.purchase_order_line_key is not null as has_order_line,
        items.order_unit,
        orders.purchase_order_date,
        {{ as_of_date() }} as as_of_date
    from movements
    left join goods_receipts as reversed
        on movements.is_reversal
        and movements.reversed_material_document_year = reversed.material_document_year
        and movements.reversed_material_document_id = reversed.material_document_id
        and movements.reversed_material_document_line_number = reversed.material_document_line_number
    left join items on movements.purchase_order_line_key = items.purchase_order_line_key
    left join orders on movements.purchase_order_id = orders.purchase_order_id

),

final as (

    {{ evaluate_rules('placed') }}

)

select * from final
