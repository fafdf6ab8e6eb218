{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='invoice_line_key',
    on_schema_change='fail',
    post_hook="{{ delete_vanished_rows(this, ref('int_procurement__payment_performance'), 'invoice_line_key') }}"
) }}

with lines as (

    select * from {{ ref('int_procurement__payment_performance') }}

),

suppliers as (

    select * from {{ ref('dim_supplier') }}

),

cost_centers as (

    select * from {{ ref('dim_cost_center') }}

),

gl_accounts as (

    select * from {{ ref('dim_gl_account') }}

),

{% if is_incremental_run() %}
lines_to_refresh as (

    -- Lines and invoices land from one source, Oracle, so that one stamp, the later of the two, is watermark enough.
    select lines.invoice_line_key
    from lines
    where lines.landed_at >= (select {{ lookback_start('existing.landed_at') }} from {{ this }} as existing)
    union
    {{ rows_with_other_versions(this, 'invoice_line_key', {
        'suppliers': ('supplier', 'invoice_date'),
        'cost_centers': ('cost_center', 'invoice_date'),
        'gl_accounts': ('gl_account', none),
    }) }}
    union
    -- A line left quarantine, or SAP's order line changed what the rules make of it.
    {{ rows_that_differ(this, 'lines', 'invoice_line_key', ['warning_codes']) }}

),
{% endif %}

final as (

    select
        lines.invoice_line_key,
        coalesce(suppliers.supplier_key, {{ unknown_member_key() }}) as supplier_key,
        coalesce(cost_centers.cost_center_key, {{ unknown_member_key() }}) as cost_center_key,
        coalesce(gl_accounts.gl_account_key, {{ unknown_member_key() }}) as gl_account_key,
        lines.purchase_order_line_key,
        lines.tenant_id,
        lines.invoice_id,
        lines.invoice_line_number,
        lines.supplier_id,
        lines.cost_center_id,
        lines.gl_account_id,
        lines.purchase_order_id,
        lines.purchase_order_line_number,
        lines.invoice_number,
        lines.invoice_type,
        lines.line_type,
        lines.line_description,
        lines.paid_status,
        lines.currency_code,
        lines.quantity_unit,
        lines.warning_codes,
        lines.billed_quantity,
        lines.unit_price_amount,
        lines.line_amount,
        lines.line_amount_gbp,
        lines.paid_amount,
        lines.paid_amount_gbp,
        cast(lines.days_to_pay as integer) as days_to_pay,
        cast(lines.days_paid_late as integer) as days_paid_late,
        lines.is_cancelled,
        lines.invoice_date,
        lines.accounting_date,
        lines.due_date,
        lines.payment_date,
        lines.row_hash,
        lines.source_ref,
        lines.load_id,
        lines.landed_at
    from lines
    left join suppliers
        on lines.supplier_id = suppliers.supplier_id and {{ valid_at('lines.invoice_date', 'suppliers') }}
    left join cost_centers
        on lines.cost_center_id = cost_centers.cost_center_id and {{ valid_at('lines.invoice_date', 'cost_centers') }}
    left join gl_accounts on lines.gl_account_id = gl_accounts.gl_account_id
    {% if is_incremental_run() %}
    where exists (
            select 1 from lines_to_refresh
            where lines_to_refresh.invoice_line_key = lines.invoice_line_key
        )
    {% endif %}

)

select * from final
