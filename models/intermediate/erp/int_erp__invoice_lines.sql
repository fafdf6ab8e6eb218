with invoices as (

    select * from {{ ref('stg_oracle__ap_invoices') }}

),

invoice_lines as (

    select * from {{ ref('stg_oracle__ap_invoice_lines') }}

),

expense_lines as (

    select * from {{ ref('stg_workday__travel_expenses') }}

),

-- Keeps a line whose invoice has not landed; what the invoice says is empty then.
oracle as (

    select
        'oracle' as source_system,
        'supplier_invoice' as document_type,
        cast(invoice_lines.invoice_id as varchar) as document_id,
        cast(invoice_lines.invoice_line_number as varchar) as document_line_number,
        invoices.invoice_number as document_number,
        invoice_lines.purchase_order_line_key,
        invoice_lines.purchase_order_id,
        invoice_lines.purchase_order_line_number,
        invoices.business_unit as company_id,
        invoices.supplier_id,
        cast(null as varchar) as employee_id,
        -- The account combination is company, cost centre and natural account, joined by dashes.
        nullif(split_part(invoice_lines.account_combination, '-', 2), '') as cost_center_id,
        nullif(split_part(invoice_lines.account_combination, '-', 3), '') as gl_account_id,
        invoice_lines.line_type,
        cast(null as varchar) as expense_item,
        invoice_lines.line_description,
        case
            when invoice_lines.is_cancelled or coalesce(invoices.is_cancelled, false) then 'cancelled'
            when invoices.paid_status = 'paid' then 'paid'
            else 'approved'
        end as document_status,
        invoice_lines.quantity_unit,
        invoices.currency_code,
        invoice_lines.billed_quantity,
        invoice_lines.unit_price_amount,
        invoice_lines.line_amount,
        cast(null as decimal(18, 4)) as line_amount_gbp,
        invoice_lines.is_cancelled or coalesce(invoices.is_cancelled, false) as is_cancelled,
        invoices.invoice_date as document_date,
        coalesce(invoice_lines.accounting_date, invoices.accounting_date) as accounting_date,
        invoices.due_date,
        cast(null as date) as approved_date,
        invoices.payment_date,
        invoices.last_updated_at,
        invoice_lines.row_hash,
        invoice_lines.source_ref,
        invoice_lines.load_id,
        invoice_lines.landed_at
    from invoice_lines
    left join invoices on invoice_lines.invoice_id = invoices.invoice_id

),

workday as (

    select
        'workday' as source_system,
        'expense_report' as document_type,
        expense_lines.expense_report_id as document_id,
        cast(expense_lines.expense_line_number as varchar) as document_line_number,
        expense_lines.expense_report_id as document_number,
        cast(null as varchar) as purchase_order_line_key,
        cast(null as varchar) as purchase_order_id,
        cast(null as varchar) as purchase_order_line_number,
        expense_lines.company_id,
        cast(null as varchar) as supplier_id,
        expense_lines.employee_id,
        expense_lines.cost_center_id,
        cast(null as varchar) as gl_account_id,
        'expense' as line_type,
        expense_lines.expense_item,
        expense_lines.merchant_name as line_description,
        expense_lines.report_status as document_status,
        expense_lines.quantity_unit,
        expense_lines.currency_code,
        cast(expense_lines.expense_quantity as decimal(18, 4)) as billed_quantity,
        cast(null as decimal(18, 6)) as unit_price_amount,
        expense_lines.expense_amount as line_amount,
        expense_lines.expense_amount_gbp as line_amount_gbp,
        expense_lines.report_status = 'cancelled' as is_cancelled,
        expense_lines.expense_date as document_date,
        cast(null as date) as accounting_date,
        cast(null as date) as due_date,
        expense_lines.approved_date,
        expense_lines.payment_date,
        cast(null as timestamp) as last_updated_at,
        expense_lines.row_hash,
        expense_lines.source_ref,
        expense_lines.load_id,
        expense_lines.landed_at
    from expense_lines

),

united as (

    select * from oracle
    union all
    select * from workday

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['source_system', 'document_id', 'document_line_number']) }}
            as invoice_line_key,
        united.*
    from united

)

select * from final
