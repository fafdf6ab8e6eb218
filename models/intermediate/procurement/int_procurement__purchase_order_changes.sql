-- Whatever part of an order lands again, the whole order is to be looked at again.
with changes as (

    select purchase_order_id, landed_at from {{ ref('stg_sap__purchase_orders') }}
    union all
    select purchase_order_id, landed_at from {{ ref('stg_sap__purchase_order_items') }}
    union all
    select purchase_order_id, landed_at from {{ ref('stg_sap__purchase_order_schedule_lines') }}
    union all
    select purchase_order_id, landed_at from {{ ref('stg_sap__goods_receipts') }}
    where purchase_order_id is not null

)

select * from changes
