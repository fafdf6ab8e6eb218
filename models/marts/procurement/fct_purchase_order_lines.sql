{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='purchase_order_line_key',
    on_schema_change='fail',
    post_hook="{{
        delete_vanished_rows(this, ref('int_procurement__delivery_performance'), 'purchase_order_line_key')
    }}"
) }}

with lines as (

    select * from {{ ref('int_procurement__delivery_performance') }}

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

-- Not inside the condition below: dbt has to see every ref when it parses.
order_changes as (

    select * from {{ ref('int_procurement__purchase_order_changes') }}

),

{% if is_incremental_run() %}
lines_to_refresh as (

    select lines.purchase_order_line_key
    from lines
    inner join order_changes on lines.purchase_order_id = order_changes.purchase_order_id
    where order_changes.landed_at >= (select {{ lookback_start('existing.landed_at') }} from {{ this }} as existing)
    union
    {{ rows_with_other_versions(this, 'purchase_order_line_key', {
        'suppliers': ('supplier', 'purchase_order_date'),
        'materials': ('material', 'purchase_order_date'),
        'plants': ('plant', none),
    }) }}
    union
    -- Overdue since yesterday, or a part of the line went to quarantine or left it.
    {{ rows_that_differ(this, 'lines', 'purchase_order_line_key', [
        'received_quantity', 'scheduled_delivery_date', 'last_receipt_date', 'is_on_time', 'warning_codes',
    ]) }}

),
{% endif %}

final as (

    select
        lines.purchase_order_line_key,
        coalesce(suppliers.supplier_key, {{ unknown_member_key() }}) as supplier_key,
        coalesce(materials.material_key, {{ unknown_member_key() }}) as material_key,
        coalesce(plants.plant_key, {{ unknown_member_key() }}) as plant_key,
        lines.tenant_id,
        lines.purchase_order_id,
        lines.purchase_order_line_number,
        lines.supplier_id,
        lines.material_id,
        lines.plant_id,
        lines.company_code,
        lines.purchasing_organization_id,
        lines.purchasing_group_id,
        lines.purchase_order_type,
        lines.material_group_id,
        lines.line_description,
        lines.currency_code,
        lines.order_unit,
        lines.warning_codes,
        lines.order_quantity,
        lines.received_quantity,
        lines.net_price_amount,
        lines.net_price_quantity,
        lines.net_amount,
        lines.net_amount_gbp,
        cast(lines.receipt_count as integer) as receipt_count,
        cast(lines.days_late as integer) as days_late,
        lines.is_on_time,
        lines.is_in_full,
        lines.is_delivery_completed,
        lines.is_deleted,
        lines.purchase_order_date,
        lines.scheduled_delivery_date,
        lines.first_receipt_date,
        lines.last_receipt_date,
        lines.row_hash,
        lines.source_ref,
        lines.load_id,
        lines.landed_at
    from lines
    left join suppliers
        on lines.supplier_id = suppliers.supplier_id and {{ valid_at('lines.purchase_order_date', 'suppliers') }}
    left join materials
        on lines.material_id = materials.material_id and {{ valid_at('lines.purchase_order_date', 'materials') }}
    left join plants on lines.plant_id = plants.plant_id
    {% if is_incremental_run() %}
    where exists (
            select 1 from lines_to_refresh
            where lines_to_refresh.purchase_order_line_key = lines.purchase_order_line_key
        )
    {% endif %}

)

select * from final
