with invoices as (

    select * from {{ ref('stg_oracle__ap_invoices') }}

),

invoice_lines as (

    select * from {{ ref('stg_oracle__ap_invoice_lines') }}

),

tenants as (

    select * from {{ ref('tenants') }}

),

line_totals as (

    select
        invoice_id,
        sum(line_amount) as lines_amount
    from invoice_lines
    group by invoice_id

),

-- One bill keeps its number however it is typed: without blanks, dashes, slashes and dots, and without the letters that
-- clerks append to get a number past the check for doubles (INV-100-R, INV 100 COPY).
numbered as (

    select
        invoices.*,
        regexp_replace(
            replace(replace(replace(replace(upper(invoices.invoice_number), ' ', ''), '-', ''), '/', ''), '.', ''),
            '[A-Z]+$', ''
        ) as normalised_invoice_number
    from invoices

),

-- Cancelled bills are no doubles: cancelling and entering again is how a bill is corrected.
counted as (

    select
        numbered.*,
        row_number() over (
            partition by
                numbered.supplier_id, numbered.normalised_invoice_number, numbered.invoice_date,
                numbered.invoice_amount, numbered.currency_code, numbered.is_cancelled
            order by numbered.created_at, numbered.invoice_id
        ) as times_entered
    from numbered

),

final as (

    select
        counted.invoice_id,
        counted.supplier_id,
        tenants.tenant_id,
        counted.invoice_number,
        counted.normalised_invoice_number,
        counted.invoice_type,
        counted.business_unit,
        counted.currency_code,
        counted.paid_status,
        counted.invoice_amount,
        counted.paid_amount,
        cast(coalesce(line_totals.lines_amount, 0) as decimal(18, 4)) as lines_amount,
        counted.times_entered > 1 and not counted.is_cancelled as is_entered_again,
        counted.is_cancelled,
        counted.invoice_date,
        counted.due_date,
        counted.payment_date,
        counted.accounting_date,
        counted.landed_at
    from counted
    left join line_totals on counted.invoice_id = line_totals.invoice_id
    -- Oracle names the business unit, not its code.
    left join tenants on counted.business_unit = tenants.tenant_name

)

select * from final
