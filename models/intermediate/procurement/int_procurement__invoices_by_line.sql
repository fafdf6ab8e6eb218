with invoice_lines as (

    select * from {{ ref('int_procurement__payment_performance') }}

),

-- Freight and tax are billed beside the goods and would spoil the comparison with the order.
goods as (

    select
        *,
        abs(paid_amount) < abs(line_amount) as is_open,
        -- A credit memo lowers what was billed, but it is not the bill that the order waits for.
        billed_quantity > 0 as is_bill
    from invoice_lines
    where line_type = 'item' and not is_cancelled and purchase_order_line_key is not null

),

final as (

    select
        purchase_order_line_key,
        count(distinct invoice_id) as invoice_count,
        count(case when is_open then 1 end) as open_invoice_line_count,
        cast(sum(billed_quantity) as decimal(18, 3)) as invoiced_quantity,
        cast(sum(line_amount) as decimal(18, 4)) as invoiced_amount,
        cast(sum(line_amount_gbp) as decimal(18, 4)) as invoiced_amount_gbp,
        cast(sum(paid_amount) as decimal(18, 4)) as paid_amount,
        cast(sum(paid_amount_gbp) as decimal(18, 4)) as paid_amount_gbp,
        -- Amounts in two currencies have no total in either.
        case when count(distinct currency_code) = 1 then min(currency_code) end as invoice_currency_code,
        min(case when is_bill then invoice_date end) as first_invoice_date,
        max(case when is_bill then invoice_date end) as last_invoice_date,
        max(case when is_bill then due_date end) as due_date,
        case when count(case when is_open then 1 end) = 0 then max(payment_date) end as paid_date,
        max(landed_at) as landed_at
    from goods
    group by purchase_order_line_key

)

select * from final
