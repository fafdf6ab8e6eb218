with orders as (

    select * from {{ ref('stg_sap__purchase_orders') }}

),

items as (

    select * from {{ ref('stg_sap__purchase_order_items') }}

),

tenants as (

    select * from {{ ref('tenants') }}

),

-- SAP's plants do not say whose they are. One that a single company orders for is that company's.
final as (

    select
        items.plant_id,
        min(tenants.tenant_id) as tenant_id
    from items
    inner join orders on items.purchase_order_id = orders.purchase_order_id
    inner join tenants on orders.company_code = tenants.tenant_id
    group by items.plant_id
    having count(distinct tenants.tenant_id) = 1

)

select * from final
