with facts as (

    select * from {{ ref('fct_purchase_order_lines') }}

),

waiting as (

    select * from {{ ref('quarantine_purchase_order_lines') }}

),

waiting_receipts as (

    select * from {{ ref('quarantine_goods_receipts') }}

),

-- Counted from the landed tables on purpose, not from the models that the fact is made of.
-- Only what waits is taken off.
landed_items as (

    select items.*
    from {{ source('sap', 'purchase_order_items') }} as items
    inner join {{ source('sap', 'purchase_orders') }} as orders on items.purchase_order = orders.purchase_order
    left join waiting
        on items.purchase_order = waiting.purchase_order_id
        and items.purchase_order_item = waiting.purchase_order_line_number
    where coalesce(items._is_deleted, false) = false and coalesce(orders._is_deleted, false) = false
        and waiting.quarantine_key is null

),

landed_receipts as (

    select
        case
            when receipts.goods_movement_type in ('101', '123') then receipts.quantity_in_entry_unit
            when receipts.goods_movement_type in ('102', '122') then -receipts.quantity_in_entry_unit
            else 0
        end as quantity
    from {{ source('sap', 'goods_receipts') }} as receipts
    inner join landed_items
        on receipts.purchase_order = landed_items.purchase_order
        and receipts.purchase_order_item = landed_items.purchase_order_item
    left join waiting_receipts
        on receipts.material_document_year = waiting_receipts.material_document_year
        and receipts.material_document = waiting_receipts.material_document_id
        and receipts.material_document_item = waiting_receipts.material_document_line_number
    where coalesce(receipts._is_deleted, false) = false and waiting_receipts.quarantine_key is null

),

sides as (

    select
        'staged items = fact lines + waiting items' as compared,
        (select cast(count(*) as decimal(38, 4)) from {{ ref('stg_sap__purchase_order_items') }}) as expected,
        (select cast(count(*) as decimal(38, 4)) from facts)
        + (select cast(count(*) as decimal(38, 4)) from waiting) as found
    union all
    select
        'ordered quantity' as compared,
        (select cast(coalesce(sum(order_quantity), 0) as decimal(38, 4)) from landed_items) as expected,
        (select cast(coalesce(sum(order_quantity), 0) as decimal(38, 4)) from facts) as found
    union all
    select
        'received quantity' as compared,
        (select cast(coalesce(sum(quantity), 0) as decimal(38, 4)) from landed_receipts) as expected,
        (select cast(coalesce(sum(received_quantity), 0) as decimal(38, 4)) from facts) as found
    union all
    select
        'net amount' as compared,
        (
            select
                cast(
                    coalesce(
                        sum(
                            cast(
                                cast(order_quantity as decimal(19, 3)) * cast(net_price_amount as decimal(19, 3))
                                / net_price_quantity as decimal(18, 4)
                            )
                        ), 0
                    ) as decimal(38, 4)
                )
            from landed_items
        ) as expected,
        (select cast(coalesce(sum(net_amount), 0) as decimal(38, 4)) from facts) as found
    union all
    select
        'lines of the one big table' as compared,
        (select cast(count(*) as decimal(38, 4)) from facts) as expected,
        (select cast(count(*) as decimal(38, 4)) from {{ ref('obt_procurement') }}) as found
    union all
    select
        'lines counted by supplier and month' as compared,
        (select cast(count(case when not is_deleted then 1 end) as decimal(38, 4)) from facts) as expected,
        (
            select cast(coalesce(sum(line_count), 0) as decimal(38, 4))
            from {{ ref('agg_supplier_performance_monthly') }}
        ) as found

)

select * from sides
where expected <> found
