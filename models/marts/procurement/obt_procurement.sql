with lines as (

    select * from {{ ref('fct_purchase_order_lines') }}

),

suppliers as (

    select * from {{ ref('dim_supplier') }}

),

materials as (

    select * from {{ ref('dim_material') }}

),

plants as (

    select * from {{ ref('dim_plant') }}

),

milestones as (

    select * from {{ ref('fct_procure_to_pay') }}

),

dates as (

    select * from {{ ref('dim_date') }}

),

final as (

    select
        lines.purchase_order_line_key,
        lines.purchase_order_id,
        lines.purchase_order_line_number,
        lines.supplier_id,
        lines.material_id,
        lines.plant_id,
        lines.tenant_id,
        suppliers.supplier_name,
        suppliers.country_code as supplier_country_code,
        suppliers.country_name as supplier_country_name,
        suppliers.un_region as supplier_un_region,
        suppliers.city_name as supplier_city_name,
        materials.material_name,
        materials.material_type,
        lines.material_group_id,
        plants.plant_name,
        plants.country_code as plant_country_code,
        plants.country_name as plant_country_name,
        lines.company_code,
        lines.purchasing_organization_id,
        lines.purchasing_group_id,
        lines.purchase_order_type,
        lines.line_description,
        lines.currency_code,
        lines.order_unit,
        lines.warning_codes,
        milestones.current_stage,
        lines.order_quantity,
        lines.received_quantity,
        milestones.invoiced_quantity,
        lines.net_price_amount,
        lines.net_price_quantity,
        lines.net_amount,
        lines.net_amount_gbp,
        milestones.received_amount_gbp,
        milestones.invoiced_amount_gbp,
        milestones.paid_amount_gbp,
        milestones.requisition_line_count,
        lines.receipt_count,
        milestones.invoice_count,
        lines.days_late,
        milestones.days_submitted_to_approved,
        milestones.days_approved_to_ordered,
        milestones.days_ordered_to_received,
        milestones.days_received_to_invoiced,
        milestones.days_invoiced_to_paid,
        milestones.days_ordered_to_paid,
        milestones.days_submitted_to_paid,
        suppliers.is_eu_member as is_supplier_in_eu,
        suppliers.is_blocked as is_supplier_blocked,
        lines.is_on_time,
        lines.is_in_full,
        lines.is_on_time and lines.is_in_full as is_on_time_in_full,
        lines.is_delivery_completed,
        milestones.has_requisition,
        milestones.is_quantity_matched,
        milestones.is_price_matched,
        milestones.is_three_way_matched,
        lines.is_deleted,
        milestones.requisition_submitted_date,
        milestones.requisition_approved_date,
        lines.purchase_order_date,
        dates.calendar_year as purchase_order_year,
        dates.calendar_quarter as purchase_order_quarter,
        dates.month_start_date as purchase_order_month,
        lines.scheduled_delivery_date,
        lines.first_receipt_date,
        lines.last_receipt_date,
        milestones.first_invoice_date,
        milestones.last_invoice_date,
        milestones.due_date,
        milestones.paid_date,
        lines.row_hash,
        lines.source_ref,
        lines.load_id,
        lines.landed_at,
        milestones.oracle_landed_at
    from lines
    left join milestones on lines.purchase_order_line_key = milestones.purchase_order_line_key
    left join suppliers on lines.supplier_key = suppliers.supplier_key
    left join materials on lines.material_key = materials.material_key
    left join plants on lines.plant_key = plants.plant_key
    left join dates on lines.purchase_order_date = dates.date_day

)

select * from final
