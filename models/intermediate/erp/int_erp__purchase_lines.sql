with orders as (

    select * from {{ ref('stg_sap__purchase_orders') }}

),

order_lines as (

    select * from {{ ref('stg_sap__purchase_order_items') }}

),

schedules as (

    select * from {{ ref('int_procurement__schedules_by_line') }}

),

requisitions as (

    select * from {{ ref('stg_oracle__requisitions') }}

),

requisition_lines as (

    select * from {{ ref('stg_oracle__requisition_lines') }}

),

-- Both sides keep a line whose header has not landed; what the header says is empty then.
sap as (

    select
        'sap' as source_system,
        'purchase_order' as document_type,
        order_lines.purchase_order_id as document_id,
        order_lines.purchase_order_line_number as document_line_number,
        order_lines.purchase_order_id as document_number,
        order_lines.purchase_order_line_key,
        order_lines.purchase_requisition_id as requisition_number,
        orders.company_code as company_id,
        orders.supplier_id,
        order_lines.material_id,
        order_lines.plant_id,
        cast(null as varchar) as requester_id,
        order_lines.material_group_id as category_name,
        order_lines.line_description,
        case when coalesce(orders.is_deleted, false) or order_lines.is_deleted then 'cancelled' else 'approved' end
            as document_status,
        order_lines.order_unit as quantity_unit,
        order_lines.currency_code,
        cast(order_lines.order_quantity as decimal(18, 4)) as ordered_quantity,
        cast(order_lines.net_price_amount / nullif(order_lines.net_price_quantity, 0) as decimal(18, 6))
            as unit_price_amount,
        -- Widened before multiplying, because DuckDB keeps the product of two decimal(13,3) in 18 digits.
        cast(
            cast(order_lines.order_quantity as decimal(19, 3)) * cast(order_lines.net_price_amount as decimal(19, 3))
            / nullif(order_lines.net_price_quantity, 0) as decimal(18, 4)
        ) as net_amount,
        coalesce(orders.is_deleted, false) or order_lines.is_deleted as is_cancelled,
        orders.purchase_order_date as document_date,
        schedules.scheduled_delivery_date as requested_delivery_date,
        cast(null as timestamp) as approved_at,
        orders.last_changed_at as last_updated_at,
        order_lines.row_hash,
        order_lines.source_ref,
        order_lines.load_id,
        order_lines.landed_at
    from order_lines
    left join orders on order_lines.purchase_order_id = orders.purchase_order_id
    left join schedules on order_lines.purchase_order_line_key = schedules.purchase_order_line_key

),

oracle as (

    select
        'oracle' as source_system,
        'requisition' as document_type,
        cast(requisition_lines.requisition_id as varchar) as document_id,
        cast(requisition_lines.requisition_line_number as varchar) as document_line_number,
        requisitions.requisition_number as document_number,
        requisition_lines.purchase_order_line_key,
        requisitions.requisition_number,
        requisitions.business_unit as company_id,
        requisition_lines.supplier_id,
        requisition_lines.material_id,
        requisition_lines.plant_id,
        requisitions.preparer_id as requester_id,
        requisition_lines.category_name,
        requisition_lines.line_description,
        requisition_lines.line_status as document_status,
        requisition_lines.quantity_unit,
        requisition_lines.currency_code,
        requisition_lines.requested_quantity as ordered_quantity,
        requisition_lines.unit_price_amount,
        cast(
            cast(requisition_lines.requested_quantity as decimal(20, 4)) * requisition_lines.unit_price_amount
            as decimal(18, 4)
        ) as net_amount,
        requisition_lines.line_status = 'cancelled' as is_cancelled,
        cast(coalesce(requisitions.submitted_at, requisitions.created_at) as date) as document_date,
        requisition_lines.requested_delivery_date,
        requisitions.approved_at,
        requisitions.last_updated_at,
        requisition_lines.row_hash,
        requisition_lines.source_ref,
        requisition_lines.load_id,
        requisition_lines.landed_at
    from requisition_lines
    left join requisitions on requisition_lines.requisition_id = requisitions.requisition_id

),

united as (

    select * from sap
    union all
    select * from oracle

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['source_system', 'document_id', 'document_line_number']) }}
            as purchase_line_key,
        united.*
    from united

)

select * from final
