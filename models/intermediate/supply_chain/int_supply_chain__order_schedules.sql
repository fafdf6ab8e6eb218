with orders as (

    select * from {{ ref('stg_sap__purchase_orders') }}

),

items as (

    select * from {{ ref('stg_sap__purchase_order_items') }}

),

schedule_lines as (

    select * from {{ ref('stg_sap__purchase_order_schedule_lines') }}

),

tenants as (

    select * from {{ ref('tenants') }}

),

-- The exports name order and material, never the line. An order has a material on one line; where it has two, the last
-- date of either counts.
final as (

    select
        items.purchase_order_id,
        items.material_id,
        max(tenants.tenant_id) as tenant_id,
        max(schedule_lines.scheduled_delivery_date) as scheduled_delivery_date
    from items
    left join schedule_lines on items.purchase_order_line_key = schedule_lines.purchase_order_line_key
    left join orders on items.purchase_order_id = orders.purchase_order_id
    -- The group's company codes are its tenants.
    left join tenants on orders.company_code = tenants.tenant_id
    where items.material_id is not null
    group by items.purchase_order_id, items.material_id

)

select * from final
