-- A table, so that each rule is evaluated once a row and not by each reader.
{{ config(materialized='table') }}

with invoice_lines as (

    select * from {{ ref('int_erp__invoice_lines') }}
    where document_type = 'supplier_invoice'

),

invoices as (

    select * from {{ ref('int_procurement__supplier_invoices') }}

),

order_lines as (

    select * from {{ ref('stg_sap__purchase_order_items') }}

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

placed as (

    select
        -- The key of staging, without the system in it: the rows here are Oracle's alone.
        {{ dbt_utils.generate_surrogate_key(['invoice_lines.document_id', 'invoice_lines.document_line_number']) }}
            as invoice_line_key,
        invoice_lines.document_id as invoice_id,
        invoice_lines.document_line_number as invoice_line_number,
        case when invoice_lines.purchase_order_line_number is not null then invoice_lines.purchase_order_line_key end
            as purchase_order_line_key,
        invoice_lines.purchase_order_id,
        invoice_lines.purchase_order_line_number,
        invoices.supplier_id,
        invoice_lines.cost_center_id,
        invoice_lines.gl_account_id,
        invoices.tenant_id,
        invoices.invoice_number,
        invoices.invoice_type,
        invoices.business_unit,
        invoice_lines.line_type,
        invoice_lines.line_description,
        invoices.paid_status,
        invoice_lines.quantity_unit,
        order_lines.order_unit,
        order_lines.order_quantity,
        invoices.currency_code,
        order_lines.currency_code as order_currency_code,
        invoice_lines.billed_quantity,
        invoice_lines.unit_price_amount,
        invoice_lines.line_amount,
        {{ in_gbp('invoice_lines.line_amount') }} as line_amount_gbp,
        invoices.invoice_amount,
        invoices.paid_amount as invoice_paid_amount,
        invoices.lines_amount,
        invoices.invoice_id is not null as has_invoice,
        order_lines.purchase_order_line_key is not null as has_order_line,
        coalesce(invoices.is_entered_again, false) as is_entered_again,
        invoice_lines.is_cancelled,
        invoices.invoice_date,
        invoices.due_date,
        invoices.payment_date,
        invoice_lines.accounting_date,
        {{ as_of_date() }} as as_of_date,
        invoice_lines.row_hash,
        invoice_lines.source_ref,
        invoice_lines.load_id,
        greatest(invoice_lines.landed_at, coalesce(invoices.landed_at, invoice_lines.landed_at)) as landed_at
    from invoice_lines
    left join invoices on invoice_lines.document_id = cast(invoices.invoice_id as {{ dbt.type_string() }})
    left join order_lines on invoice_lines.purchase_order_line_key = order_lines.purchase_order_line_key
    left join rates on {{ rate_at('invoices.currency_code', 'invoices.invoice_date') }}

),

final as (

    {{ evaluate_rules('placed') }}

)

select * from final
