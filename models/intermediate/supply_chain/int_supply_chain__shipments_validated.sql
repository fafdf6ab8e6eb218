-- A table, so that each rule is evaluated once.
{{ config(materialized='table') }}

with lines as (

    select * from {{ ref('int_supply_chain__normalised_lines') }}

),

orders as (

    select * from {{ ref('stg_sap__purchase_orders') }}

),

order_materials as (

    select distinct
        purchase_order_id,
        material_id
    from {{ ref('stg_sap__purchase_order_items') }}

),

judged as (

    select
        lines.*,
        {{ as_of_date() }} as as_of_date,
        {{ dbt.datediff('lines.shipped_date', 'lines.delivered_date', 'day') }} as transit_days,
        orders.purchase_order_date,
        orders.supplier_id as order_supplier_id,
        orders.purchase_order_id is not null as is_order_known,
        order_materials.material_id is not null as is_material_on_order
    from lines
    left join orders on lines.purchase_order_id = orders.purchase_order_id
    left join order_materials
        on lines.purchase_order_id = order_materials.purchase_order_id
        and lines.material_id = order_materials.material_id

),

final as (

    {{ evaluate_rules('judged') }}

)

select * from final
